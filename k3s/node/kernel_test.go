package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config/nodekernel"
)

// TestSysctls: the user's sysctls were set at boot. The runtime changes only what it cannot do without, and never lowers a limit.
func TestSysctls(t *testing.T) {
	dir := t.TempDir()
	write := func(name, value string) {
		path := filepath.Join(dir, strings.ReplaceAll(name, ".", "/"))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range nodekernel.Sysctls() {
		write(s.Name, "0")
	}
	users := map[string]string{"net.ipv4.conf.all.rp_filter": "1", "fs.inotify.max_user_watches": "1048576"}
	for name, value := range users {
		write(name, value)
	}
	if problems := sysctls(dir); len(problems) > 0 {
		t.Error(problems)
	}
	want := map[string]string{"net.ipv4.ip_forward": "1", "kernel.panic": "10", "fs.inotify.max_user_instances": "8192", "kernel.pid_max": "0"}
	for name, value := range users {
		want[name] = value
	}
	for name, value := range want {
		got, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(name, ".", "/")))
		if err != nil || strings.TrimSpace(string(got)) != value {
			t.Errorf("%s is %q, %v; want %s", name, got, err, value)
		}
	}
	if problems := sysctls(filepath.Join(dir, "none")); len(problems) == 0 {
		t.Error("no problem where there is no such setting")
	}
}
