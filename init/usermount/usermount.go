// Package usermount mounts the file systems of the configuration's mounts by mount(8), each by a goroutine of its own, so
// that a disk or a server that does not answer keeps neither the boot nor the others waiting. It refuses the disk that
// the system runs from. What cannot be mounted yet is tried again for as long as the machine runs. It unmounts nothing:
// the shutdown unmounts all file systems.
package usermount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/sys"
)

// Times: a slow disk appears within wait, which is how long the boot waits for all of them; between two tries is pause,
// and a try may take limit.
const (
	wait  = 30 * time.Second
	pause = time.Second
	later = 10 * time.Second
	limit = 2 * time.Minute
)

// State is the state of one mount.
type State struct {
	Path    string `json:"path"`
	Mounted bool   `json:"mounted"`
	Reason  string `json:"reason,omitempty"` // why it is not
}

func (s State) String() string {
	if s.Mounted {
		return s.Path + ": mounted"
	}
	return s.Path + ": not mounted: " + s.Reason
}

// Mounter mounts.
type Mounter struct {
	Sys    sys.Sys
	Root   string // prefix of paths that are read
	Disk   string // the disk that the system runs from, such as vda; "" if there is none
	System string // the device of the root
	Served func() bool
	Logf   func(string, ...any)
	// Mounted is called when a file system has been mounted. nil: nothing depends on it.
	Mounted func(path string)
	// Adopt takes what is a mount point already for mounted, because an earlier PID 1 of this boot has mounted it.
	Adopt bool

	mu     sync.Mutex
	states []State
	wait   time.Duration // in tests; 0: wait
}

// job is one mount on its way.
type job struct {
	config.Mount
	number  int           // in the list
	up      chan struct{} // closed once it is mounted
	tried   chan struct{} // closed once nothing is to be waited for
	parents []*job
}

// refusal is an error that another try does not change.
type refusal struct{ error }

// Start mounts the list, and returns once all are mounted that need no network, are refused, or were waited for long
// enough. The error says which are not mounted.
func (m *Mounter) Start(ctx context.Context, list []config.Mount) error {
	jobs := m.jobs(list)
	for _, j := range jobs {
		go func() {
			if err := guard.Call(func() error { m.follow(ctx, j); return nil }); err != nil {
				m.Logf("mounts: %v", err)
			}
		}()
	}
	late := time.NewTimer(cmp.Or(m.wait, wait))
	defer late.Stop()
	for _, j := range jobs {
		if remote(j.Mount) || slices.Contains(j.Options, "nofail") {
			continue
		}
		select {
		case <-j.tried:
		case <-late.C:
			return m.missing(jobs)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return m.missing(jobs)
}

// jobs sorts the list: a mount below another one has to wait for that.
func (m *Mounter) jobs(list []config.Mount) (jobs []*job) {
	for i, c := range list {
		j := &job{Mount: c, number: i, up: make(chan struct{}), tried: make(chan struct{})}
		m.states = append(m.states, State{Path: c.Path, Reason: "not tried yet"})
		jobs = append(jobs, j)
	}
	for _, j := range jobs {
		for _, other := range jobs {
			if j != other && strings.HasPrefix(j.Path, other.Path+"/") {
				j.parents = append(j.parents, other)
			}
		}
	}
	return jobs
}

// missing returns why local file systems are not mounted.
func (m *Mounter) missing(jobs []*job) error {
	var errs []error
	for _, j := range jobs {
		if s := m.States()[j.number]; !s.Mounted && !remote(j.Mount) {
			errs = append(errs, fmt.Errorf("mounts[%d] %s: %s", j.number, s.Path, s.Reason))
		}
	}
	return errors.Join(errs...)
}

// follow tries until the file system is mounted or refused.
func (m *Mounter) follow(ctx context.Context, j *job) {
	var once sync.Once
	tried := func() { once.Do(func() { close(j.tried) }) }
	defer tried()
	for _, p := range j.parents {
		m.set(j, false, "waits for "+p.Path)
		select {
		case <-p.up:
		case <-ctx.Done():
			return
		}
	}
	for began := time.Now(); ; {
		err := m.attempt(ctx, j)
		if err == nil {
			m.set(j, true, "")
			m.Logf("mounted %s", j.Path)
			close(j.up)
			if m.Mounted != nil {
				m.Mounted(j.Path)
			}
			return
		}
		var final refusal
		if m.set(j, false, err.Error()); errors.As(err, &final) {
			return
		}
		between := pause
		if time.Since(began) > wait {
			between = later
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(between):
		}
	}
}

func (m *Mounter) attempt(ctx context.Context, j *job) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if m.Adopt && m.mountPoint(j.Path) {
		return nil
	}
	if remote(j.Mount) && m.Served != nil && !m.Served() {
		return errors.New("waits for the network")
	}
	source, err := m.source(ctx, j.Mount)
	if err != nil {
		return err
	}
	options, err := options(ctx, j.Mount)
	if err != nil {
		return err
	}
	if err := m.folder(j.Path); err != nil {
		return err
	}
	argv := []string{"mount", "-o", strings.Join(options, ",")}
	if j.Type != "" && j.Type != "auto" {
		argv = append(argv, "-t", j.Type)
	}
	out, err := m.Sys.Run(ctx, append(argv, source, j.Path)...)
	return explained(err, out, j.Type)
}

// explained returns what mount(8) has printed about an error. Its last line is a hint at dmesg.
func explained(err error, out, fstype string) error {
	if err == nil {
		return nil
	}
	if strings.Contains(out, "unknown filesystem type") {
		return refusal{fmt.Errorf("this image has no file system %s", cmp.Or(fstype, "of the kind that is on the device"))}
	}
	if line, _, _ := strings.Cut(strings.TrimSpace(out), "\n"); line != "" {
		return errors.New(line)
	}
	return err
}

// folder makes the mount point. The root is read-only: below /mnt and /srv folders are made in memory.
func (m *Mounter) folder(dir string) error {
	err := m.Sys.MkdirAll(dir, 0o755)
	if !errors.Is(err, unix.EROFS) {
		return err
	}
	m.mu.Lock() // one of several mounts does it
	defer m.mu.Unlock()
	top := "/" + strings.SplitN(dir, "/", 3)[1]
	if err := m.Sys.MkdirAll(dir, 0o755); !errors.Is(err, unix.EROFS) || top != "/mnt" && top != "/srv" {
		return err
	}
	if err := m.Sys.Mount("folders", top, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755,size=1m"); err != nil {
		return err
	}
	return m.Sys.MkdirAll(dir, 0o755)
}

// mountPoint says whether something is mounted there (proc(5), mountinfo).
func (m *Mounter) mountPoint(dir string) bool {
	text, _ := os.ReadFile(filepath.Join(m.Root, "/proc/self/mountinfo")) // without it mount(8) fails too
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 4 && strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(f[4]) == filepath.Clean(dir) {
			return true
		}
	}
	return false
}

func (m *Mounter) set(j *job, mounted bool, reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states[j.number] = State{j.Path, mounted, reason}
}

// States returns the state of each mount, in the order of the configuration.
func (m *Mounter) States() []State {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.states)
}

// refuse returns a refusal of a device of the disk that the system runs from.
func (m *Mounter) refuse(device string) error {
	real, err := filepath.EvalSymlinks(filepath.Join(m.Root, device))
	if err != nil {
		return fmt.Errorf("no device %s yet; it is mounted when it appears", device)
	}
	name := path.Base(real)
	if name == m.Disk || m.Disk != "" && strings.HasPrefix(name, m.Disk) && m.partOf(name) || real == filepath.Join(m.Root, m.System) && m.System != "" {
		return refusal{fmt.Errorf("%s is a part of the disk that proa runs from", device)}
	}
	return nil
}

func (m *Mounter) partOf(name string) bool {
	_, err := os.Stat(filepath.Join(m.Root, "/sys/block", m.Disk, name))
	return err == nil
}
