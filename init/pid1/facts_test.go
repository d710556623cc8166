package pid1

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/supervise"
	"golang.org/x/sys/unix"
)

// reap is shared by all tests: it reaps every child of this process.
var reap = sync.OnceValue(func() *proc.Reaper { return proc.New(context.Background()) })

// TestReadyIsAFact: text in a status line makes a node neither Ready nor NotReady.
func TestReadyIsAFact(t *testing.T) {
	for _, c := range []struct {
		said string
		want bool
	}{
		{"READY=1\nSTATUS=manifests: applied", false},
		{"READY=1\nX_NODE_READY=1", true},
		{"READY=1\nX_NODE_READY=0\nX_NODE_REASON=no CNI\nSTATUS=manifests: applied", false},
		{"READY=1\nX_NODE_READY=1\nSTATUS=node NotReady: an older line", true},
	} {
		k := &keeper{m: &boot.Machine{Config: config.Default()}, con: &console.Console{}}
		k.sup = &supervise.Supervisor{Reaper: reap(), LogDir: t.TempDir(), RunDir: t.TempDir(), Changed: func(_, _ supervise.State) {}}
		self, _ := os.Executable()
		script := filepath.Join(k.sup.RunDir, "said")
		if err := os.WriteFile(script, []byte(c.said), 0o600); err != nil {
			t.Fatal(err)
		}
		k.sup.Start(t.Context(), supervise.Service{Name: "k3s", Argv: []string{self}, Notify: true, Stop: unix.SIGKILL, Grace: time.Second})
		for end := time.Now().Add(10 * time.Second); k.sup.States()[0].State != "ready" && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		s := k.gather()
		if !strings.HasPrefix(s.K3s, "ready") || s.NodeReady != c.want {
			t.Errorf("%q: %q, node ready %t", c.said, s.K3s, s.NodeReady)
		}
		k.sup.StopAll(t.Logf)
	}
}

// TestMain runs the test binary as the service of TestReadyIsAFact.
func TestMain(m *testing.M) {
	if socket := os.Getenv("NOTIFY_SOCKET"); socket != "" {
		speak(socket)
	}
	os.Exit(m.Run())
}

func speak(socket string) {
	text, _ := os.ReadFile(filepath.Join(filepath.Dir(socket), "said"))
	fd, _ := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	_ = unix.Sendto(fd, text, 0, &unix.SockaddrUnix{Name: socket})
	time.Sleep(time.Minute)
	os.Exit(1)
}

// TestToldOnce: a problem is printed on the console once, however often its list is sent, and by however many runs.
func TestToldOnce(t *testing.T) {
	var k status.Told
	for _, c := range []struct{ lines, want string }{{"a b", "a b"}, {"a b", ""}, {"", ""}, {"b c", "c"}} {
		if got := strings.Join(k.Fresh("k3s", strings.Fields(c.lines)), " "); got != c.want {
			t.Errorf("%s: told %q, want %q", c.lines, got, c.want)
		}
	}
	if got := k.Fresh("wifi-wlan0", []string{"a"}); len(got) != 1 {
		t.Error("another service's problem was not told")
	}
}
