package pid1

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	bootstep "github.com/proa-os/proa/config/step"
	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/console"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/timeline"
)

// last is a kernel under which a goroutine ends when it restarts the machine or stays up.
type last struct {
	*sys.Fake
	stays bool // CatchCtrlAltDel is the last call
	began time.Time
	took  time.Duration
}

func (l *last) Restart(argument string) error {
	_ = l.Fake.Restart(argument)
	l.took = time.Since(l.began)
	runtime.Goexit()
	return nil
}

func (l *last) CatchCtrlAltDel() error {
	_ = l.Fake.CatchCtrlAltDel()
	if l.stays {
		runtime.Goexit()
	}
	return nil
}

const onDisk = "proa.mode=disk proa.slot=b proa.board=pc proa.rootsize=8192 proa.roothash=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// over returns a machine in a directory with these files.
func over(t *testing.T, files map[string]string) (*boot.Machine, *last) {
	t.Helper()
	l := &last{Fake: &sys.Fake{}, began: time.Now()}
	m := &boot.Machine{Sys: l, Root: t.TempDir(), Ctx: t.Context(), Logf: t.Logf}
	for name, text := range files {
		path := m.Path(name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return m, l
}

// screen returns the console of such a machine: without a terminal, and with a file as the kernel log.
func screen(m *boot.Machine) *console.Console { return &console.Console{Root: m.Root} }

func said(t *testing.T, m *boot.Machine) string {
	t.Helper()
	text, err := os.ReadFile(m.Path("/dev/kmsg"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// until runs a part of PID 1 up to its last call.
func until(m *boot.Machine, run func()) {
	var done sync.WaitGroup
	done.Go(run)
	done.Wait()
	m.Guard.End()
}

func trial(left int, otherGood bool) boot.Trial {
	return boot.Trial{Known: true, On: true, Left: left, Other: slot.Standing{Good: otherGood}}
}

// TestStage1: the end of a boot whose root is not found, or whose boot entry is invalid: a slot on trial is restarted
// after the reason was shown, as long as a restart can help; otherwise the machine stays up.
func TestStage1(t *testing.T) {
	const noRoot, noMode = "find-slot: waited 30 s: no partition is named root-b", `read-cmdline: proa.mode="": want disk or live`
	for name, c := range map[string]struct {
		line     string
		trial    boot.Trial
		restarts bool
		why      string
	}{
		"trial with tries left":                {onDisk, trial(2, false), true, noRoot},
		"last try, and a good slot":            {onDisk, trial(0, true), true, noRoot},
		"last try of the first installation":   {onDisk, trial(0, false), false, noRoot},
		"no trial, and no other slot":          {onDisk, boot.Trial{Known: true}, false, noRoot},
		"no boot state":                        {onDisk, boot.Trial{}, false, noRoot},
		"nothing on the command line":          {"quiet", boot.Trial{}, false, noMode},
		"a trial whose entry has no mode left": {"proa.slot=b", trial(2, true), true, noMode},
		"live, and no medium": {strings.Replace(onDisk, "proa.mode=disk proa.slot=b", "proa.mode=live proa.medium=PROA", 1), boot.Trial{}, false,
			"find-medium: waited 30 s: no medium labelled PROA has this root"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, l := over(t, map[string]string{"proc/cmdline": c.line, "dev/watchdog0": "", "dev/kmsg": ""})
				m.Found.Trial, l.stays = c.trial, true
				until(m, func() { stage1(screen(m), m) })
				calls := l.String()
				if got := strings.HasSuffix(calls, "sync\nrestart\n"); got != c.restarts || !got && !strings.HasSuffix(calls, "\ncatch-ctrl-alt-del\n") {
					t.Errorf("restarts %t, calls:\n%s", got, calls)
				}
				if c.restarts && l.took < halted {
					t.Errorf("restarted after %s: nobody can read why", l.took)
				}
				if text := said(t, m); !strings.Contains(text, "HALTED boot: "+c.why) || strings.Contains(text, "staying up") == c.restarts {
					t.Errorf("said:\n%s", text)
				}
				if !strings.HasPrefix(calls, "mkdir /proc 0755\nmount proc /proc proc ") {
					t.Errorf("it does not begin with the mounts:\n%s", calls)
				}
			})
		})
	}
}

// TestStage2Halts: a failing step with policy halt ends the boot, and no later step is run. The trial state from stage
// 1 decides what follows; timeline and black box have the step.
func TestStage2Halts(t *testing.T) {
	for name, found := range map[string]boot.Found{"on trial": {Trial: trial(1, false)}, "no trial": {Trial: boot.Trial{Known: true}}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, l := over(t, map[string]string{"proc/cmdline": onDisk})
				place := boxIn(t, m.Path("/box"))
				found.Disk, found.Box = "vda", &place
				hand(t, m, found)
				l.Fail = map[string]error{"cgroup2": unix.EINVAL}
				m.Sys = &second{last: l}
				until(m, func() { stage2(screen(m), m, reap(), "v1") })
				calls := l.String()
				if strings.HasSuffix(calls, "sync\nrestart\n") != found.Trial.On || strings.Contains(calls, "rlimit") {
					t.Errorf("calls:\n%s", calls)
				}
				var rows []bootstep.Result
				err := json.Unmarshal([]byte(l.Files[timeline.Dir+"/stage2.json"]), &rows)
				if err != nil || len(rows) == 0 || !rows[len(rows)-1].Failed() || rows[len(rows)-1].Policy != bootstep.Halt {
					t.Errorf("timeline %+v, %v", rows, err)
				}
				if try := report(t, place); try.Step != "stage2 "+rows[len(rows)-1].Name || !strings.Contains(try.Error, "invalid argument") {
					t.Errorf("the box says %+v", try)
				}
			})
		})
	}
}

// second ends the goroutine at the second call of CatchCtrlAltDel: stage 2 begins with one, and so does staying up.
type second struct {
	*last
	n int
}

func (s *second) CatchCtrlAltDel() error {
	s.n++
	s.stays = s.n == 2
	return s.last.CatchCtrlAltDel()
}

// boxIn creates an empty black box in a file.
func boxIn(t *testing.T, file string) blackbox.Place {
	t.Helper()
	if err := os.WriteFile(file, box.New(), 0o600); err != nil {
		t.Fatal(err)
	}
	p := blackbox.Place{Device: file}
	for i := range box.Sectors {
		p.At = append(p.At, int64(i*layout.Sector))
	}
	if _, err := p.Read(); err != nil {
		t.Skipf("no direct access: %v", err)
	}
	return p
}

// report returns the black box's last record about slot b.
func report(t *testing.T, p blackbox.Place) box.Try {
	t.Helper()
	raw, err := p.Read()
	if err != nil {
		t.Fatal(err)
	}
	tries := box.Parse(raw).Report(layout.B).Left
	if len(tries) == 0 {
		t.Fatal("the box tells nothing")
	}
	return tries[len(tries)-1]
}

// hand writes the state of stage 1 for stage 2.
func hand(t *testing.T, m *boot.Machine, found boot.Found) {
	t.Helper()
	text, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	path := m.Path("/run/proa/stage1.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// TestHungStep: a step that exceeds its limit is reported; only a trial that a restart can help is restarted, and the
// black box has the step.
func TestHungStep(t *testing.T) {
	for name, c := range map[string]struct {
		trial    boot.Trial
		restarts bool
	}{
		"on trial": {trial(1, false), true},
		"good":     {boot.Trial{Known: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, l := over(t, map[string]string{"proc/cmdline": onDisk})
				place := boxIn(t, m.Path("/box"))
				m.Found.Trial = c.trial
				m.Box = blackbox.Record(place, box.Record{Slot: layout.B, Try: 1, Root: "0011"}, boot.SinceKernel, t.Logf)
				m.Guard = guard(screen(m), m)
				m.Guard.Start()
				m.Guard.Begin("stage2 data", time.Minute)
				m.Box.Begin("stage2 data")
				time.Sleep(2 * time.Minute)
				m.Guard.End()
				synctest.Wait()
				if got := strings.HasSuffix(l.String(), "sync\nrestart\n"); got != c.restarts {
					t.Errorf("restarts %t, calls:\n%s", got, l)
				}
				if r := report(t, place); r.Step != "stage2 data" || !strings.Contains(r.Error, "not done after 1m0s") {
					t.Errorf("the box says %+v", r)
				}
			})
		})
	}
}

// TestRestartWithAHungDisk: a restart waits for the sync, but not forever.
func TestRestartWithAHungDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, l := over(t, nil)
		until(m, func() { restart(screen(m), slowRestart{l, time.Hour}) })
		if l.took != 5*time.Second || strings.Contains(l.String(), "sync") {
			t.Errorf("restarted after %s, calls:\n%s", l.took, l)
		}
		time.Sleep(time.Hour)
	})
}

type slowRestart struct {
	*last
	takes time.Duration
}

func (s slowRestart) Sync() { time.Sleep(s.takes); s.last.Sync() }

// TestStaysUpUntilCtrlAltDel: a machine that a restart does not help repeats the reason, and restarts on ctrl-alt-del.
func TestStaysUpUntilCtrlAltDel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, l := over(t, map[string]string{"dev/kmsg": ""})
		con, keys := screen(m), make(chan os.Signal)
		con.Reopen()
		go until(m, func() { stayUp(con, m, unix.EIO, keys) })
		time.Sleep(3*time.Minute + time.Second)
		if n := strings.Count(said(t, m), "HALTED input/output error"); n != 3 || len(l.Calls) != 0 {
			t.Errorf("said %d times in 3 minutes, calls:\n%s", n, l)
		}
		keys <- unix.SIGINT
		synctest.Wait()
		if l.String() != "sync\nrestart\n" {
			t.Errorf("calls:\n%s", l)
		}
	})
}

// TestNoOtherTakesOver: a good slot that is broken now tries to fail over, reports why no slot takes over, and stays
// up. An error outside of the slot causes no failover.
func TestNoOtherTakesOver(t *testing.T) {
	for policy, looks := range map[bootstep.Policy]bool{bootstep.Rollback: true, bootstep.Halt: false} {
		synctest.Test(t, func(t *testing.T) {
			m, l := over(t, map[string]string{"dev/kmsg": ""})
			m.Line.Mode, m.Line.Slot, m.Found.Trial, l.stays = "disk", "a", boot.Trial{Known: true}, true
			con := screen(m)
			con.Reopen()
			until(m, func() { giveUp(con, m, "stage1", &bootstep.Error{Step: "mount-root", Policy: policy, Err: unix.EIO}) })
			if l.String() != "catch-ctrl-alt-del\n" {
				t.Errorf("%s: calls:\n%s", policy, l)
			}
			if text := said(t, m); strings.Contains(text, slot.ErrNoOther.Error()) != looks {
				t.Errorf("%s: said:\n%s", policy, text)
			}
		})
	}
}
