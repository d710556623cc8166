package softswap

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/mounts"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/softswap/handed"
	mapper "github.com/proa-os/proa/init/verity"
	"golang.org/x/sys/unix"
)

// gather collects the facts.
func (s *Swap) gather() error {
	m := s.M
	s.facts = Facts{Live: !m.OnDisk(), DataErr: s.DataErr, Hash: m.Line.Root.Hash, Config: s.Config}
	if s.facts.Live {
		return nil
	}
	for _, read := range []func() error{s.manifests, s.bootState, s.uses} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// manifests reads those of both slots, and verifies the new one's signatures.
func (s *Swap) manifests() error {
	slots, err := s.M.Slots()
	if err != nil {
		return err
	}
	read := func(into *slottrust.Files) func(string) error {
		return func(dir string) (err error) { *into, err = slottrust.Read(dir); return err }
	}
	var mine, other slottrust.Files
	if err := slots.Files(slots.Current(), false, read(&mine)); err != nil {
		return fmt.Errorf("manifest of slot %s: %w", slots.Current(), err)
	}
	if err := slots.Files(slots.Other(), false, read(&other)); err != nil {
		return fmt.Errorf("manifest of slot %s: %w", slots.Other(), err)
	}
	s.facts.Running, s.facts.Next, s.manifest = mine.Manifest, other.Manifest, other.Manifest
	s.handed = handed.Swap{Slot: slots.Other(), From: slots.Current(), Mapped: boot.RootName + "-" + string(slots.Other()),
		Root: verity.Root{Hash: other.Manifest.Root.Hash, Size: other.Manifest.Root.Image}}
	if s.device, err = s.M.RootPartition(slots.Other()); err != nil {
		return err
	}
	return s.M.Trust.Check(other.Text, other.Sig)
}

// bootState reads what the new slot will find: its own trial, and its fallback.
func (s *Swap) bootState() error {
	next := *s.M
	next.Line = s.handed.Line(s.M.Line)
	s.target = &next
	slots, err := next.Slots()
	if err != nil {
		return err
	}
	t := boot.Trial{Known: true}
	if t.On, t.Left, err = slots.Trial(); err != nil {
		return err
	}
	if t.Other, err = slots.Standing(); err != nil {
		return err
	}
	s.facts.Trial = t
	return nil
}

// uses finds what holds the running root.
func (s *Swap) uses() error {
	for _, path := range []string{"/", etc} {
		d, err := deviceOf(s.M.Path(path))
		if err != nil {
			return err
		}
		s.running = append(s.running, d)
	}
	for _, p := range processes(s.M.Path("/proc"), s.running...) {
		if p.ofPod() {
			s.facts.Pods = append(s.facts.Pods, p)
		}
	}
	text, err := os.ReadFile(s.M.Path("/proc/self/mountinfo"))
	if err != nil {
		return err
	}
	s.carry, s.facts.Lost = plan(parseMounts(string(text)), Next)
	return nil
}

func (s *Swap) mapVerity() error {
	r := s.handed.Root
	if err := mapper.CheckDevice(s.device, r.Size, r.Hash); err != nil {
		return err
	}
	found, err := mapper.Open(s.handed.Mapped, s.device, r.Size, r.Hash)
	if err != nil {
		return err
	}
	s.undo = append(s.undo, func() error { return mapper.Remove(s.handed.Mapped, true) })
	s.target.Found.Part, s.target.Found.Root = filepath.Base(s.device), found
	return nil
}

func (s *Swap) mountRoot() error {
	if err := s.M.Sys.Mount(s.target.Found.Root, Next, "erofs", unix.MS_RDONLY, ""); err != nil {
		return err
	}
	s.undo = append(s.undo, func() error { return s.M.Sys.Unmount(Next, unix.MNT_DETACH) })
	return nil
}

func (s *Swap) readInit() error { return mapper.ReadThrough(s.M.Path(Next), program) }

// overlayEtc makes the new /etc: empty over the new root's, as at a boot. PID 1 of the new root fills it.
func (s *Swap) overlayEtc() error {
	dir := fmt.Sprintf("%s/etc-%s-%d", boot.RunDir, s.handed.Slot, time.Now().Unix())
	for _, r := range mounts.EtcOf(Next, dir) {
		if err := r.Do(s.M.Sys); err != nil {
			return fmt.Errorf("%s: %w", r, err)
		}
	}
	return nil // it is unmounted with the root
}

// mountPoints checks that the new root has a place for each mount that is carried over.
func (s *Swap) mountPoints() error {
	for _, dir := range s.carry {
		_, err := os.Lstat(s.M.Path(Next + dir))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: the new root has no %s, where something is mounted", ErrNot, dir)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Swap) stop() error { s.Stop(); return nil }

func (s *Swap) save() error { return s.Save() }

// endGrace is what sessions and commands have to end.
const endGrace = 5 * time.Second

// endProcesses ends what runs from the old root besides PID 1 and pods.
func (s *Swap) endProcesses() error {
	left := proc.End(func() (pids []int) {
		for _, p := range processes(s.M.Path("/proc"), s.running...) {
			if p.ends() {
				pids = append(pids, p.Pid)
			}
		}
		return pids
	}, endGrace)
	if len(left) > 0 {
		s.M.Logf("processes %v do not end; they keep the old root in use until the next restart", left)
	}
	return nil
}

// carryMounts makes all mounts visible below the new root too; they stay where they are until the root is exchanged, so
// that shims find them at any time.
func (s *Swap) carryMounts() error {
	text, err := os.ReadFile(s.M.Path("/proc/self/mountinfo"))
	if err != nil {
		return err
	}
	carry, _ := plan(parseMounts(string(text)), Next) // services have unmounted some
	for _, dir := range carry {
		if err := s.M.Sys.Mount(dir, Next+dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
	}
	return nil
}

// handOver writes what stage 1 writes for stage 2 at a boot.
func (s *Swap) handOver() error {
	s.handed.At = time.Now()
	found := s.target.Found
	found.Trial, found.Swap = s.facts.Trial, &s.handed
	place, err := blackbox.Find(s.M.Path(boot.BootDir+"/"+box.File), slot.Device(boot.BootDir))
	if found.Box = &place; err != nil {
		s.M.Logf("black box: %v; continuing without it", err)
		found.Box = nil
	}
	text, err := json.MarshalIndent(found, "", " ")
	if err != nil {
		return err
	}
	return s.M.Sys.WriteFile(boot.Handover, append(text, '\n'), 0o600)
}

func (s *Swap) pivot() error { return s.M.Sys.PivotRoot(s.M.Path(Next)) }

// release has the kernel remove the old root's device once nobody uses it, and makes the mounts shared as a boot does: the
// kubelet needs that.
func (s *Swap) release() error {
	return errors.Join(s.M.Sys.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""), mapper.Remove(s.M.Found.Swap.Name(boot.RootName), true))
}

func (s *Swap) exec() error {
	s.M.Logf("going on as PID 1 of slot %s", s.handed.Slot)
	if s.M.Flush != nil {
		s.M.Flush()
	}
	return s.M.Sys.Exec([]string{program})
}
