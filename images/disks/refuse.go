package disks

import (
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

// rule is one reason for refusal; the first one that applies is reported.
type rule struct {
	name   string
	why    func(d Disk, need int64) string // empty: no objection
	forced bool                            // --force overrides it
}

// rules are in order of severity, the worst mistake first.
var rules = []rule{
	{"no disk", func(d Disk, _ int64) string { return d.Not }, false},
	{"system", runsFrom, false},
	{"in use", inUse, false},
	{"empty", func(d Disk, _ int64) string { return when(d.Size == 0, "has no medium: insert a card") }, false},
	{"read-only", func(d Disk, _ int64) string {
		return when(d.ReadOnly, "is write-protected; an SD card has a switch for that at its edge")
	}, false},
	{"sectors", func(d Disk, _ int64) string {
		return when(d.Sector != 0 && d.Sector != layout.Sector, "has sectors of %d bytes; images are made for %d", d.Sector, int64(layout.Sector))
	}, false},
	{"fixed", func(d Disk, _ int64) string {
		return when(!d.Removable, "is built in, not removable; --force writes to it anyway")
	}, true},
	{"too small", func(d Disk, need int64) string {
		return when(d.Size < need, "has %s, the image needs %s", Bytes(d.Size), Bytes(need))
	}, false},
}

// Refuse returns an error if an image of need bytes must not be written to the disk.
func (d Disk) Refuse(need int64, force bool) error {
	for _, r := range rules {
		if why := r.why(d, need); why != "" && !(r.forced && force) {
			return fmt.Errorf("%s %s", d.Name, why)
		}
	}
	return nil
}

func runsFrom(d Disk, _ int64) string {
	var system []string
	for _, u := range d.Uses {
		if u.system() {
			system = append(system, u.String())
		}
	}
	return when(len(system) > 0, "holds the running system: %s", strings.Join(system, ", "))
}

func inUse(d Disk, _ int64) string {
	var all, unmount []string
	for _, u := range d.Uses {
		all = append(all, u.String())
		if u.Mount != "" {
			unmount = append(unmount, fmt.Sprintf("umount '%s'", u.Mount))
		}
	}
	hint := "close that first (vgchange -an, cryptsetup close, mdadm --stop, losetup -d)"
	if len(unmount) == len(all) {
		hint = strings.Join(unmount, "; ")
	}
	return when(len(all) > 0, "is in use: %s\nhint: %s", strings.Join(all, ", "), hint)
}

func when(ok bool, format string, args ...any) string {
	if !ok {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
