package sys

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Fake records every call as one line and does nothing else. Fail makes the calls whose line contains a key return that
// error.
type Fake struct {
	mu    sync.Mutex
	Calls []string
	Fail  map[string]error
	Out   map[string]string // output of Run for commands whose line contains the key
	Files map[string]string // files written by WriteFile
}

// String returns the calls for a golden file, one per line.
func (f *Fake) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.Calls, "\n") + "\n"
}

func (f *Fake) call(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	line := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	f.Calls = append(f.Calls, line)
	for key, err := range f.Fail {
		if strings.Contains(line, key) {
			return err
		}
	}
	return nil
}

func (f *Fake) Mount(source, target, fstype string, flags uintptr, data string) error {
	return f.call("mount %s %s %s %#x %s", source, target, fstype, flags, data)
}
func (f *Fake) Unmount(target string, flags int) error {
	return f.call("unmount %s %#x", target, flags)
}
func (f *Fake) MkdirAll(path string, perm os.FileMode) error {
	return f.call("mkdir %s %04o", path, perm)
}
func (f *Fake) Chown(path string, uid, gid int, mode uint32) error {
	return f.call("chown %s %d:%d %04o", path, uid, gid, mode)
}
func (f *Fake) OwnDir(path string, uid, gid int, adopt bool) error {
	return f.call("own-dir %s %d:%d %t", path, uid, gid, adopt)
}
func (f *Fake) MountIn(source, dir, name string) error {
	return f.call("mount-in %s %s/%s", source, dir, name)
}
func (f *Fake) Symlink(target, path string) error { return f.call("symlink %s -> %s", path, target) }
func (f *Fake) Mknod(path string, mode uint32, dev uint64) error {
	return f.call("mknod %s %06o %d:%d", path, mode, unix.Major(dev), unix.Minor(dev))
}
func (f *Fake) LoadModule(path, params string) error { return f.call("module %s %s", path, params) }
func (f *Fake) SetHostname(name string) error        { return f.call("hostname %s", name) }
func (f *Fake) SetClock(t time.Time) error           { return f.call("clock %s", t.UTC().Format(time.RFC3339)) }
func (f *Fake) AdjustClock(tx *unix.Timex) error {
	return f.call("adjust-clock %#x %d", tx.Modes, tx.Offset)
}
func (f *Fake) SwapOn(path string, priority int) error {
	return f.call("swap-on %s %d", path, priority)
}
func (f *Fake) SwapOff(path string) error       { return f.call("swap-off %s", path) }
func (f *Fake) Sync()                           { _ = f.call("sync") }
func (f *Fake) SignalAll(sig unix.Signal) error { return f.call("signal-all %s", unix.SignalName(sig)) }
func (f *Fake) CatchCtrlAltDel() error          { return f.call("catch-ctrl-alt-del") }
func (f *Fake) Restart(argument string) error   { return f.call("restart %s", argument) }
func (f *Fake) PowerOff() error                 { return f.call("power-off") }
func (f *Fake) SetRlimit(r int, soft, hard uint64) error {
	return f.call("rlimit %d %d %d", r, soft, hard)
}
func (f *Fake) SwitchRoot(root string, argv []string) error {
	return f.call("switch-root %s %s", root, strings.Join(argv, " "))
}

func (f *Fake) PivotRoot(root string) error { return f.call("pivot-root %s", root) }
func (f *Fake) Exec(argv []string) error    { return f.call("exec %s", strings.Join(argv, " ")) }
func (f *Fake) WriteFile(path string, data []byte, perm os.FileMode) error {
	if err := f.call("write %s %04o", path, perm); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Files == nil {
		f.Files = map[string]string{}
	}
	f.Files[path] = string(data)
	return nil
}

func (f *Fake) Run(_ context.Context, argv ...string) (string, error) {
	line := strings.Join(argv, " ")
	err := f.call("run %s", line)
	for key, out := range f.Out {
		if strings.Contains(line, key) {
			return out, err
		}
	}
	return "", err
}
