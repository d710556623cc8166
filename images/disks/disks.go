// Package disks lists the disks of a Linux host, their model, contents and users, from /sys, /proc and /run/udev. It
// only reads, opens no device, and needs no privileges. ZFS is not visible there: a writer must also open the device
// exclusively.
package disks

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Disk is a block device that is not a partition.
type Disk struct {
	Name      string // name below /sys/block: sdb
	Dev       string // major:minor
	Model     string
	Serial    string
	Bus       string // usb, sd, emmc, nvme, sata, virtio, scsi, loop; empty if it is none of them
	Size      int64
	Sector    int64 // logical sector size in bytes
	Removable bool
	ReadOnly  bool
	Parts     []Part
	Uses      []Use
	Not       string // why no image should be written to it in any case, because it is not a disk
}

// Part is a partition.
type Part struct {
	Name, Dev string
	Size      int64
	What      string // file system and label, if known
}

// System has the disks of a host.
type System struct {
	Disks []Disk
	root  string
}

// Read reads the disks below root, which is "/" except in tests.
func Read(root string) (*System, error) {
	h := &host{root: root}
	names, err := os.ReadDir(h.path("sys/block"))
	if err != nil {
		return nil, err
	}
	if err := h.readUsers(); err != nil {
		return nil, err
	}
	s := &System{root: root}
	for _, n := range names {
		if h.line("sys/block", n.Name(), "hidden") != "1" { // skip the paths of a multipath disk
			s.Disks = append(s.Disks, h.disk(n.Name()))
		}
	}
	return s, nil
}

// host reads files of /sys and /proc.
type host struct {
	root   string
	mounts []mount
	swaps  []string
	mapped map[string]string   // dm-0 by the name below /dev/mapper
	loops  map[string][]string // loop devices by their backing device
}

func (h *host) path(elem ...string) string {
	return filepath.Join(append([]string{h.root}, elem...)...)
}

// line returns the content of a one-line file; empty if it cannot be read.
func (h *host) line(elem ...string) string {
	b, err := os.ReadFile(h.path(elem...))
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(b)), " ")
}

func (h *host) number(elem ...string) int64 {
	n, _ := strconv.ParseInt(h.line(elem...), 10, 64)
	return n
}

// unit is the unit of the size files in /sys, for any sector size.
const unit = 512

func (h *host) disk(name string) Disk {
	dir := filepath.Join("sys/block", name)
	d := Disk{
		Name: name, Dev: h.line(dir, "dev"), Not: noDisk(name),
		Size: h.number(dir, "size") * unit, Sector: h.number(dir, "queue/logical_block_size"),
		ReadOnly: h.line(dir, "ro") == "1",
	}
	d.Bus = h.bus(dir)
	d.Removable = h.line(dir, "removable") == "1" || slices.Contains([]string{"usb", "sd", "emmc"}, d.Bus)
	d.Model, d.Serial = h.model(dir), h.serial(dir, d.Dev)
	entries, _ := os.ReadDir(h.path(dir)) // ignore errors: a disk unplugged since has no entries
	for _, e := range entries {
		if h.line(dir, e.Name(), "partition") != "" {
			d.Parts = append(d.Parts, h.part(dir, e.Name()))
		}
	}
	slices.SortFunc(d.Parts, func(a, b Part) int {
		return int(h.number(dir, a.Name, "partition") - h.number(dir, b.Name, "partition"))
	})
	d.Uses = h.uses(dir, d)
	return d
}

func (h *host) part(dir, name string) Part {
	p := Part{Name: name, Dev: h.line(dir, name, "dev"), Size: h.number(dir, name, "size") * unit}
	udev := h.properties("run/udev/data/b" + p.Dev)
	label := udev["E:ID_FS_LABEL"]
	if label == "" {
		label = h.properties(filepath.Join(dir, name, "uevent"))["PARTNAME"]
	}
	p.What = strings.TrimSpace(udev["E:ID_FS_TYPE"] + " " + label)
	return p
}

// properties parses lines KEY=VALUE of udev's database.
func (h *host) properties(file string) map[string]string {
	out := map[string]string{}
	b, _ := os.ReadFile(h.path(file)) // empty without udev
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			out[k] = v
		}
	}
	return out
}

var noDisks = []struct {
	name *regexp.Regexp
	why  string
}{
	{regexp.MustCompile(`^(dm-|md)\d`), "is made of other disks; name one of those"},
	{regexp.MustCompile(`^z?ram\d`), "is memory"},
	{regexp.MustCompile(`^sr\d`), "is a CD drive"},
	{regexp.MustCompile(`^mmcblk\d+(boot\d|rpmb|gp\d)`), "is a special area of an eMMC; name the disk without it"},
}

func noDisk(name string) string {
	for _, n := range noDisks {
		if n.name.MatchString(name) {
			return n.why
		}
	}
	return ""
}
