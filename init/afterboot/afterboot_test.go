package afterboot

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/command"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/firstboot"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/sys"
)

// reap reaps every child of this process.
var reap = sync.OnceValue(func() *proc.Reaper { return proc.New(context.Background()) })

// below writes files below a directory.
type below struct {
	sys.Fake
	root string
}

func (b *below) WriteFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Join(b.root, filepath.Dir(path)), 0o755); err != nil {
		return err
	}
	return sys.Linux{}.WriteFile(filepath.Join(b.root, path), data, mode)
}

// firstBoot is one boot of a machine whose data is below root; it returns what was said, and how the machine ends.
func firstBoot(t *testing.T, root string, c *config.Config, change func(*After)) (said string, ends []shutdown.End, states []command.State) {
	t.Helper()
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	s := &below{root: root}
	m := &boot.Machine{Sys: s, Root: root, Config: c, Logf: say, Jobs: command.New(reap().Start, t.TempDir(), "")}
	m.Line.Mode = images.OnDisk
	a := &After{m: m, say: say, problem: func(p config.Problem) { say("problem: %s", p.Message) }, served: func() bool { return true }, minute: time.Millisecond,
		end: func(_ string, how shutdown.End) { ends = append(ends, how) }}
	a.book, a.bookErr = firstboot.Open(root, s.WriteFile)
	if change != nil {
		change(a)
	}
	first, each := a.lists()
	a.run(t.Context(), first, each)
	return strings.Join(lines, "\n"), ends, m.Jobs.States()
}

func withCommands(dir string) *config.Config {
	c := config.Default()
	c.Environment = map[string]string{"DIR": dir}
	c.FirstRunCmd = []string{"echo a >> $DIR/first", "echo b >> $DIR/first; test -e $DIR/ready"}
	c.RunCmd = []string{"echo c >> $DIR/each"}
	c.Power = config.Power{Action: "reboot", Delay: 1, Message: "see you"}
	return c
}

// TestFirstBoot: each command of first_run_cmd runs until it has succeeded once, run_cmd at every boot, and the machine
// restarts once.
func TestFirstBoot(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	c := withCommands(dir)
	said, ends, states := firstBoot(t, root, c, nil)
	if len(ends) != 1 || ends[0] != shutdown.Reboot || !strings.Contains(said, "see you") || states[0].State != command.Failed || states[1].State != command.Succeeded {
		t.Errorf("first boot: %v %v\n%s", ends, states, said)
	}
	if err := os.WriteFile(dir+"/ready", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for boot := range 2 {
		if said, ends, states := firstBoot(t, root, c, nil); ends != nil || states[0].State != command.Succeeded {
			t.Errorf("boot %d: %v %v\n%s", boot+2, ends, states, said)
		}
	}
	for name, want := range map[string]string{"first": "a\nb\nb\n", "each": "c\nc\nc\n"} {
		if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestPowerNeverLoops: no restart if it cannot be recorded that there was one, on a live system, or when the key is added
// after the first boot.
func TestPowerNeverLoops(t *testing.T) {
	for name, change := range map[string]func(*After){
		"read-only": func(a *After) {
			a.book, _ = firstboot.Open(a.m.Root, func(string, []byte, os.FileMode) error { return unix.EROFS })
		},
		"no data": func(a *After) { a.book, a.bookErr = nil, unix.EIO },
		"live":    func(a *After) { a.m.Line.Mode = "live" },
	} {
		c := withCommands(t.TempDir())
		said, ends, _ := firstBoot(t, t.TempDir(), c, change)
		if ends != nil || !strings.Contains(said, "problem: power: ") {
			t.Errorf("%s: %v\n%s", name, ends, said)
		}
		if name == "no data" && !strings.Contains(said, "problem: first_run_cmd: not run: ") {
			t.Errorf("%s: %s", name, said)
		}
	}
	root := t.TempDir()
	if _, ends, _ := firstBoot(t, root, config.Default(), nil); ends != nil {
		t.Error(ends)
	}
	if _, ends, _ := firstBoot(t, root, withCommands(t.TempDir()), nil); ends != nil {
		t.Errorf("a later boot: %v", ends)
	}
}

func TestExpand(t *testing.T) {
	got := expand("up $UPTIME ${version} $VERSIONS $OTHER $$", map[string]string{"UPTIME": "1.5", "VERSION": "v2"})
	if got != "up 1.5 v2 v2S $OTHER $$" {
		t.Error(got)
	}
}

// TestPhoneHome: the server is told once, with what the machine is called; one that fails is not asked at later boots.
func TestPhoneHome(t *testing.T) {
	for status, problem := range map[int]bool{204: false, 500: true} {
		root, asked := t.TempDir(), []string{}
		c := config.Default()
		c.PhoneHome = &config.PhoneHome{URL: "https://example.org/up", Tries: 1}
		for range 2 {
			said, _, _ := firstBoot(t, root, c, func(a *After) {
				a.m.Hostname = "edge-7"
				a.m.Fetch = func(_ context.Context, _, _ []string, in []byte, _ int) ([]byte, error) {
					var r fetch.Request
					err := json.Unmarshal(in, &r)
					asked = append(asked, string(r.Body))
					return fmt.Appendf(nil, "{\"status\": %d}\n", status), err
				}
			})
			if len(asked) != 1 || !strings.Contains(asked[0], "hostname=edge-7&") {
				t.Fatalf("%d: asked %q\n%s", status, asked, said)
			}
			if strings.Contains(said, "problem: phone_home: given up after 1 tries: example.org: HTTP status 500") != problem {
				t.Errorf("%d: %s", status, said)
			}
			problem = false
		}
	}
}
