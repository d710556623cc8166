package disks

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Use is one reason why a disk must not be written to.
type Use struct {
	Via   string // chain of devices: sda3 → dm-0 (cryptroot) → dm-1 (vg0-root)
	What  string // use of the last one: "mounted on /", "swap", "part of dm-0"
	Mount string // mount point, if mounted
}

func (u Use) String() string { return u.Via + " " + u.What }

// system says whether the running system needs it.
func (u Use) system() bool {
	switch u.Mount {
	case "/", "/usr", "/boot", "/boot/efi", "/boot/firmware", "/efi", "/var", "/home":
		return true
	}
	return u.What == "swap"
}

type mount struct{ dev, source, at string }

// readUsers reads mounts, swap, device-mapper and loop devices.
func (h *host) readUsers() error {
	b, err := os.ReadFile(h.path("proc/self/mountinfo"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		if m, ok := parseMount(line); ok {
			h.mounts = append(h.mounts, m)
		}
	}
	b, err = os.ReadFile(h.path("proc/swaps"))
	if err != nil && !os.IsNotExist(err) { // a kernel without swap has no such file
		return err
	}
	for line := range strings.Lines(string(b)) {
		h.swaps = append(h.swaps, unescape(strings.Fields(line + " .")[0]))
	}
	h.mapped, h.loops = map[string]string{}, map[string][]string{}
	return h.readVirtual()
}

func (h *host) readVirtual() error {
	entries, err := os.ReadDir(h.path("sys/block"))
	for _, e := range entries {
		if name := h.line("sys/block", e.Name(), "dm/name"); name != "" {
			h.mapped[name] = e.Name()
		}
		if back, ok := strings.CutPrefix(h.line("sys/block", e.Name(), "loop/backing_file"), "/dev/"); ok {
			h.loops[back] = append(h.loops[back], e.Name())
		}
	}
	return err
}

// parseMount parses a line of mountinfo: "36 35 8:17 / /media/x rw - vfat /dev/sdb1 rw".
func parseMount(line string) (mount, bool) {
	left, right, ok := strings.Cut(line, " - ")
	l, r := strings.Fields(left), strings.Fields(right)
	if !ok || len(l) < 5 || len(r) < 2 {
		return mount{}, false
	}
	return mount{dev: l[2], source: unescape(r[1]), at: unescape(l[4])}, true
}

// unescape undoes the kernel's octal escapes of white space in paths.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// uses returns the uses of a disk, of its partitions, and of all devices stacked on them.
func (h *host) uses(dir string, d Disk) []Use {
	out := h.usesOf(d.Name, d.Dev, dir, "", 0)
	for _, p := range d.Parts {
		out = append(out, h.usesOf(p.Name, p.Dev, filepath.Join(dir, p.Name), "", 0)...)
	}
	return out
}

// maxDepth limits the recursion; real stacks are less deep, and the kernel allows no cycles.
const maxDepth = 16

func (h *host) usesOf(name, dev, dir, via string, depth int) (out []Use) {
	via += h.shown(name)
	for _, m := range h.mounts {
		if m.dev == dev || h.names(m.source, name) {
			out = append(out, Use{via, "mounted on " + m.at, m.at})
		}
	}
	for _, s := range h.swaps {
		if h.names(s, name) {
			out = append(out, Use{Via: via, What: "swap"})
		}
	}
	// mountinfo names only one device of a btrfs.
	if pools, _ := filepath.Glob(h.path("sys/fs/btrfs/*/devices", name)); len(pools) > 0 && out == nil {
		out = append(out, Use{Via: via, What: "part of a mounted btrfs"})
	}
	for _, up := range h.holders(name, dir) {
		more := []Use{{Via: via, What: "part of " + h.shown(up)}}
		if depth < maxDepth {
			sub := filepath.Join("sys/block", up)
			if deep := h.usesOf(up, h.line(sub, "dev"), sub, via+" → ", depth+1); deep != nil {
				more = deep
			}
		}
		out = append(out, more...)
	}
	return out
}

// holders returns the devices stacked on one: dm, md, bcache, and loop devices, which the kernel does not list as
// holders.
func (h *host) holders(name, dir string) []string {
	out := h.loops[name]
	entries, _ := os.ReadDir(h.path(dir, "holders")) // ignore errors: nothing holds it
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// names says whether a path of /dev refers to the device of that name.
func (h *host) names(path, name string) bool {
	rel, ok := strings.CutPrefix(path, "/dev/")
	if !ok {
		return false
	}
	if dm, ok := strings.CutPrefix(rel, "mapper/"); ok {
		return h.mapped[dm] == name
	}
	return strings.ReplaceAll(rel, "/", "!") == name
}

// shown returns a device's name with its user-defined name.
func (h *host) shown(name string) string {
	if dm := h.line("sys/block", name, "dm/name"); dm != "" {
		return fmt.Sprintf("%s (%s)", name, dm)
	}
	return name
}
