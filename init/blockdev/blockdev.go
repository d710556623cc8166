// Package blockdev finds disks and partitions in sysfs. It reads no partition tables, and opens a device only to read
// the label of an ISO file system. If several disks match, the caller decides.
package blockdev

import (
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// Named returns the partitions with a GPT name, such as vda3, below root, as the kernel has read them.
func Named(root, name string) (parts []string) {
	events, _ := filepath.Glob(filepath.Join(root, "/sys/class/block/*/uevent"))
	sort.Strings(events)
	for _, file := range events {
		text, _ := os.ReadFile(file) // the device may disappear meanwhile
		for _, line := range strings.Split(string(text), "\n") {
			if line == "PARTNAME="+name {
				parts = append(parts, filepath.Base(filepath.Dir(file)))
			}
		}
	}
	return parts
}

// Disk returns the disk of a partition, "" if there is no such partition: in sysfs a partition is in its disk's
// directory.
func Disk(root, part string) string {
	real, err := filepath.EvalSymlinks(filepath.Join(root, "/sys/class/block/", part))
	if err != nil {
		return ""
	}
	return filepath.Base(filepath.Dir(real))
}

// Bare returns the disks on which the kernel sees no partitions.
func Bare(root string) (disks []string) {
	all, _ := filepath.Glob(filepath.Join(root, "/sys/block/*"))
	for _, dir := range all {
		name := filepath.Base(dir)
		if parts, _ := filepath.Glob(dir + "/" + name + "*/partition"); len(parts) == 0 {
			disks = append(disks, name)
		}
	}
	return disks
}

// Number returns a partition's number.
func Number(root, part string) (int, error) {
	text, err := os.ReadFile(filepath.Join(root, "/sys/class/block/", part, "partition"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// ISOLabel returns the volume label of the ISO 9660 file system on a device, "" if there is none. It is in the primary
// volume descriptor at 32 KiB (ECMA-119, 8.4).
func ISOLabel(dev string) string {
	f, err := os.Open(dev)
	if err != nil {
		return ""
	}
	defer f.Close()
	pvd := make([]byte, 2048)
	if _, err := f.ReadAt(pvd, 32768); err != nil || string(pvd[1:6]) != "CD001" {
		return ""
	}
	return strings.TrimRight(string(pvd[40:72]), " \x00") // the standard pads with spaces, some writers with zeros
}
