package boot

import (
	"errors"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"golang.org/x/sys/unix"
)

// TestMistakesAreTheDocuments: an error in the configuration is a config problem, and its step does not fail.
func TestMistakesAreTheDocuments(t *testing.T) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	m, f := machine(t, map[string]string{"lib/modules/" + unix.ByteSliceToString(u.Release[:]) + "/modules.dep": ""})
	if err := openModules(m); err != nil {
		t.Fatal(err)
	}
	m.Config.Modules = []string{"no_such_module"}
	m.Config.Sysctls = map[string]string{"net.no.such": "1"}
	m.Config.WriteFiles = []config.File{{Path: "/usr/bin/x", Permissions: "0644", Owner: "root:root"}, {Path: "/srv/y", Permissions: "0644", Owner: "nobody-here"}}
	f.Fail = map[string]error{"/proc/sys/net/no/such": errors.New("no such file or directory"), "write /usr/bin/x": errors.New("read-only file system")}
	var list []Step
	for _, s := range Stage2() {
		switch s.Name {
		case "sysctls", "user-modules", "write-files":
			list = append(list, s)
		}
	}
	results, err := Run(t.Context(), "stage2", list, m)
	if err != nil || len(results) != 3 {
		t.Fatal(results, err)
	}
	for _, r := range results {
		if r.Failed() || len(r.User) == 0 {
			t.Errorf("%+v", r)
		}
	}
	var said []string
	for _, p := range m.Problems {
		said = append(said, p.String())
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{"/boot/config.yaml: sysctls: net.no.such: ", "/boot/config.yaml: user-modules: ", "write_files[0] /usr/bin/x: read-only", "write_files[1] /srv/y: owner: no user"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}
