// Package target lists the disks of this machine for the installer: what is on them, and why one can be no target. It
// only reads. It refuses the medium that the system runs from, disks that are in use, read-only or too small, and what is
// no disk.
package target

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/config/diskwish"
	"github.com/proa-os/proa/images/disks"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/init/install"
)

// Disk is a disk of this machine.
type Disk struct {
	disks.Disk
	Path     string
	Why      string // why it is no target; "" if it is one
	Has      string // what is on it, in words
	Used     bool   // something is on it
	Version  string // of the proa on it
	Manifest []byte // of the slot a of the proa on it
	Keeps    bool   // it has a data partition that a new installation can keep
}

// List returns the disks below root, which is "/" except in tests.
func List(root string, spec layout.Spec) (list []Disk, err error) {
	s, err := disks.Read(root)
	if err != nil {
		return nil, err
	}
	for _, d := range s.Disks {
		if d.Not != "" || d.Size == 0 || d.Bus == "loop" {
			continue
		}
		t := Disk{Disk: d, Path: filepath.Join(root, "dev", strings.ReplaceAll(d.Name, "!", "/"))}
		if err := d.Refuse(install.Need(spec), true); err != nil {
			t.Why, _, _ = strings.Cut(strings.TrimPrefix(err.Error(), d.Name+" "), "\nhint")
		}
		t.look(spec)
		list = append(list, t)
	}
	return list, nil
}

// look says what is on the disk. One that cannot be read is no target.
func (d *Disk) look(spec layout.Spec) {
	f, err := os.Open(d.Path)
	if err != nil {
		d.refuse(err)
		return
	}
	defer f.Close() // opened for reading: a close error loses nothing
	if d.proa(f) {
		d.Used, d.Has = true, strings.TrimSpace("proa "+d.Version)
		d.Keeps = install.Keeps(f, d.Size, spec) == nil
		return
	}
	switch empty, err := blank(f, d.Size); {
	case err != nil:
		d.refuse(err)
	case len(d.Parts) > 0:
		d.Used, d.Has = true, partitions(d.Parts)
	case !empty:
		d.Used, d.Has = true, "data without partitions"
	default:
		d.Has = "empty"
	}
}

func (d *Disk) refuse(err error) {
	if d.Why == "" {
		d.Why = "cannot be read: " + err.Error()
	}
}

// proa says whether the disk has proa, and reads its manifest.
func (d *Disk) proa(f *os.File) bool {
	table, _, err := gpt.Read(f, d.Size)
	if err != nil {
		return false
	}
	if _, err := table.Find(layout.Root, layout.B); err != nil {
		return false
	}
	boot, err := table.Find(layout.Boot, layout.A)
	if err != nil {
		return false
	}
	text, err := fat.ReadFile(f, boot.Start, boot.Size, layout.A.Dir()+"/"+slotfile.ManifestName)
	if err != nil {
		return true // half written, or a board with boot partitions of its own
	}
	if m, err := slotfile.ParseManifest(text); err == nil {
		d.Version, d.Manifest = m.Version, text
	}
	return true
}

// blank looks where partition tables, file systems and members of RAIDs have their signatures, and at samples of the rest:
// a disk that has lost its signatures, or is encrypted without any, has data too.
func blank(f *os.File, size int64) (bool, error) {
	const part, samples, sample = 1 << 20, 256, 4096
	for _, at := range []int64{0, max(size-part, 0)} {
		if zero, err := zeros(f, at, min(part, size)); !zero || err != nil {
			return false, err
		}
	}
	for i := range int64(samples) {
		at := size / samples * i / sample * sample
		if zero, err := zeros(f, at, min(sample, size-at)); !zero || err != nil {
			return false, err
		}
	}
	return true, nil
}

func zeros(f *os.File, at, length int64) (bool, error) {
	b := make([]byte, length)
	_, err := f.ReadAt(b, at)
	return err == nil && sparse.IsZero(b), err
}

func partitions(list []disks.Part) string {
	var out []string
	for _, p := range list {
		out = append(out, strings.TrimSpace(p.Name+" "+p.What))
	}
	if len(out) > 4 {
		out = append(out[:4], fmt.Sprintf("%d more", len(out)-4))
	}
	return "partitions " + strings.Join(out, ", ")
}

// Choose returns the disk that a text of the grammar in config/diskwish means; "": the only one that can be a target.
func Choose(all []Disk, text string) (d Disk, err error) {
	var w diskwish.Wish
	if text != "" {
		if w, err = diskwish.Parse(text); err != nil {
			return d, fmt.Errorf("device: %w", err)
		}
	}
	w.Name = node(w.Name)
	var list []diskwish.Disk
	for _, d := range all {
		if d.Why == "" || w.Name != "" {
			list = append(list, diskwish.Disk{Name: d.Name, Model: d.Model, Serial: d.Serial, Bus: d.Bus, Size: d.Size})
		}
	}
	want, err := w.Pick(list)
	if err != nil {
		return d, fmt.Errorf("%w; proa install --list shows the disks, and why one cannot be used", err)
	}
	d = all[slices.IndexFunc(all, func(d Disk) bool { return d.Name == want.Name })]
	if d.Why != "" {
		return d, fmt.Errorf("%s %s", d.Path, d.Why)
	}
	return d, nil
}

// node is the name of a disk in /sys, for that of a link such as /dev/disk/by-id/….
func node(name string) string {
	if to, err := filepath.EvalSymlinks("/dev/" + name); err == nil && name != "" {
		name = strings.TrimPrefix(to, "/dev/")
	}
	return strings.ReplaceAll(name, "/", "!")
}

// String is a line of the list.
func (d Disk) String() string {
	kind := strings.Join(strings.Fields(d.Bus+" "+d.Model), " ")
	line := fmt.Sprintf("%-12s %9s  %s", d.Path, disks.Bytes(d.Size), kind)
	if d.Serial != "" {
		line += ", serial " + d.Serial
	}
	if d.Has != "" {
		line += "; " + d.Has
	}
	return line
}

// Table lists the disks and why some are no targets.
func Table(list []Disk) string {
	var b strings.Builder
	for _, d := range list {
		b.WriteString(d.String() + "\n")
		if d.Why != "" {
			b.WriteString("             not possible: " + d.Why + "\n")
		}
	}
	return b.String()
}
