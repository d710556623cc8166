package softswap

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/softswap/shim"
)

// Process is one that uses a root.
type Process struct {
	Pid  int
	Name string
	// Shim: it is a pod's shim.
	Shim bool
	// Apart: it has mounts of its own, as containers have.
	Apart bool
	// Mapped: its program, or a library, is on that root. Mounted: among its mounts is one of that root.
	Mapped, Mounted bool
}

func (p Process) String() string { return fmt.Sprintf("%s (%d)", p.Name, p.Pid) }

// ofPod says whether the process must live on, and could not without that root.
func (p Process) ofPod() bool { return p.Shim && p.Mapped || p.Apart && (p.Mapped || p.Mounted) }

// ends says whether the process runs from that root and is ended by a soft swap: services, sessions, commands.
func (p Process) ends() bool { return !p.ofPod() && p.Mapped }

// device is how maps and mountinfo name a file system.
type device struct{ maps, mounts string }

func deviceOf(path string) (device, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return device{}, fmt.Errorf("%s: %w", path, err)
	}
	major, minor := unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)) // the field's type differs by architecture
	return device{fmt.Sprintf("%02x:%02x", major, minor), fmt.Sprintf("%d:%d", major, minor)}, nil
}

// processes returns the user-space processes in a proc file system but PID 1 that use one of the devices. One that ends
// meanwhile is left out.
func processes(proc string, of ...device) (out []Process) {
	own, _ := os.Readlink(filepath.Join(proc, "1/ns/mnt"))
	dirs, _ := os.ReadDir(proc)
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid == 1 {
			continue
		}
		p := Process{Pid: pid}
		dir := filepath.Join(proc, d.Name())
		space, _ := os.Readlink(filepath.Join(dir, "ns/mnt"))
		p.Apart = space != own
		p.Mapped = mapsAny(dir, of)
		p.Mounted = p.Apart && mountsAny(dir, of)
		if !p.Mapped && !p.Mounted {
			continue
		}
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		exe, _ := os.Readlink(filepath.Join(dir, "exe"))
		p.Name, p.Shim = strings.TrimSpace(string(name)), filepath.Base(exe) == shim.Name
		out = append(out, p)
	}
	return out
}

// mapsAny says whether a file of a device is mapped: address, permissions, offset, device, inode, path.
func mapsAny(dir string, of []device) bool {
	text, _ := os.ReadFile(filepath.Join(dir, "maps"))
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 3 && slices.ContainsFunc(of, func(d device) bool { return d.maps == f[3] }) {
			return true
		}
	}
	return false
}

func mountsAny(dir string, of []device) bool {
	text, _ := os.ReadFile(filepath.Join(dir, "mountinfo"))
	return slices.ContainsFunc(parseMounts(string(text)), func(m mount) bool {
		return slices.ContainsFunc(of, func(d device) bool { return d.mounts == m.dev })
	})
}
