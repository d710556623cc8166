package rehearse

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/verity"
)

// Verb is the argument of the engine's program that runs Inside; the next one is an Order.
const Verb = "rehearse-inside"

// Order is what Inside does.
type Order struct {
	Device string `json:"device"` // the root partition of the slot
	Size   int64  `json:"size"`   // of its image: where the hash tree is
	Hash   string `json:"hash"`   // root hash
	Dir    string `json:"dir"`    // what the runtime sees as /var
	Layout int    `json:"layout"`
}

// ErrSaid is returned by Inside if the runtime itself has said on standard error what failed.
var ErrSaid = errors.New("the runtime has said what failed")

// mapped is the name of the device while the root is mounted.
const mapped = "rehearsal"

// root is where it is mounted, in a mount namespace of its own.
const root = "/run/proa/rehearsal"

// mapRoot makes an Order's root available as a device, verified block by block.
func mapRoot(o Order) (device string, release func() error, err error) {
	if err := verity.Remove(mapped, false); err != nil && !errors.Is(err, unix.ENXIO) { // of one that was killed
		return "", nil, err
	}
	device, err = verity.Open(mapped, o.Device, o.Size, o.Hash)
	return device, func() error { return verity.Remove(mapped, true) }, err
}

// Mounter mounts the new root at a directory.
type Mounter func(s sys.Sys, o Order, at string) error

// MountRoot mounts the slot's root; once it is not mounted any more its device is no more either.
func MountRoot(s sys.Sys, o Order, at string) error {
	device, release, err := mapRoot(o)
	if err != nil {
		return err
	}
	return errors.Join(s.Mount(device, at, "erofs", unix.MS_RDONLY|unix.MS_NODEV|unix.MS_NOSUID, ""), release())
}

// Inside runs the new runtime in its own root. It is the first process of its namespaces.
func Inside(s sys.Sys, mount Mounter, order string) error {
	var o Order
	if err := json.Unmarshal([]byte(order), &o); err != nil {
		return err
	}
	if err := s.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := s.MkdirAll(root, 0o700); err != nil {
		return err
	}
	if err := mount(s, o, root); err != nil {
		return fmt.Errorf("mount the new root: %w", err)
	}
	if err := own(o); err != nil {
		return err
	}
	for _, m := range []struct {
		source, target, fstype string
		flags                  uintptr
		data                   string
	}{
		{o.Dir, "/var", "", unix.MS_BIND, ""},
		{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"tmpfs", "/dev", "tmpfs", unix.MS_NOSUID | unix.MS_NOEXEC, "size=64k"},
		{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "size=1m"},
	} {
		if err := s.Mount(m.source, filepath.Join(root, m.target), m.fstype, m.flags, m.data); err != nil {
			return err
		}
	}
	if err := s.Mknod(filepath.Join(root, "dev/null"), unix.S_IFCHR|0o666, unix.Mkdev(1, 3)); err != nil {
		return err
	}
	return perform()
}

// perform is the runtime's part.
func perform() error {
	cmd := exec.Command(Runtime, "check-upgrade", "/var/"+copyName, "--config", "/var/"+configName)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin", "TMPDIR=/var", "SQLITE_TMPDIR=/var", fmt.Sprintf("GOMEMLIMIT=%d", Memory*3/4)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Pdeathsig: syscall.SIGKILL}
	cmd.Dir = "/"
	err := cmd.Run()
	if ended := new(exec.ExitError); errors.As(err, &ended) && ended.ExitCode() > 0 {
		return ErrSaid
	}
	return err
}

// own verifies what the new version says of itself: that it is for this layout, and that its keys accept its own slot,
// which stage 1 would refuse to run otherwise.
func own(o Order) error {
	is, err := releasefile.Load(filepath.Join(root, releasefile.Path))
	if err != nil {
		return fmt.Errorf("what the new root says of itself: %w", err)
	}
	if is.Layout != o.Layout {
		return fmt.Errorf("the new root is for disk layout %d, its manifest says %d", is.Layout, o.Layout)
	}
	text, err1 := os.ReadFile(filepath.Join(o.Dir, textName))
	sig, err2 := os.ReadFile(filepath.Join(o.Dir, sigName))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := slottrust.Installed(root).Check(text, sig); err != nil {
		return fmt.Errorf("the new version does not accept its own slot, and would not run: %w", err)
	}
	return nil
}
