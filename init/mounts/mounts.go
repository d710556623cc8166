// Package mounts has the tables of mounts. A row does one thing and prints itself; its error has the same text. It does
// not check what is mounted already: the tables run once, in order.
package mounts

import (
	"fmt"
	"os"
	"strings"

	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/init/sys"
	"golang.org/x/sys/unix"
)

const (
	noexec = unix.MS_NOEXEC
	nosuid = unix.MS_NOSUID
	nodev  = unix.MS_NODEV
	strict = noexec | nosuid | nodev
)

// Row is a directory that is created, and mounted on if Type is set; or a symbolic link at Target if Link is set.
// Optional rows may fail: not every kernel has every file system.
type Row struct {
	Source, Target, Type string
	Link                 string // target of the link
	Flags                uintptr
	Data                 string
	Mode                 os.FileMode // mode of a directory that must be created first
	Optional             bool
}

func (r Row) String() string {
	s := fmt.Sprintf("mount %-11s %s", r.Type, r.Target)
	switch {
	case r.Link != "":
		s = "link " + r.Target + " " + r.Link
	case r.Type == "" && r.Flags == 0:
		s = "dir " + r.Target
	case r.Type == "" && r.Flags&unix.MS_BIND != 0:
		s = "bind " + r.Source + " " + r.Target
	case r.Type == "":
		s = "propagation " + r.Target
	}
	if r.Data != "" {
		s += " " + r.Data
	}
	if r.Optional {
		s += " (optional)"
	}
	return s
}

// Do creates the link, or creates the directory and mounts.
func (r Row) Do(s sys.Sys) error {
	if r.Link != "" {
		return s.Symlink(r.Link, r.Target)
	}
	if r.Mode != 0 {
		if err := s.MkdirAll(r.Target, r.Mode); err != nil {
			return err
		}
	}
	if r.Type == "" && r.Flags == 0 {
		return nil
	}
	return s.Mount(r.Source, r.Target, r.Type, r.Flags, r.Data)
}

// Apply runs a table. The failure of an optional row is logged, not returned.
func Apply(s sys.Sys, table []Row, logf func(string, ...any)) error {
	for _, r := range table {
		err := r.Do(s)
		if err != nil && !r.Optional {
			return fmt.Errorf("%s: %w", r, err)
		}
		if err != nil {
			logf("%s: %v", r, err)
		}
	}
	return nil
}

// Print returns a table for the golden file.
func Print(table []Row) string {
	var b strings.Builder
	for _, r := range table {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

// Early has the mounts of the initramfs; /dev, /proc, /sys and /run are moved to the real root.
func Early() []Row {
	return []Row{
		{Target: "/proc", Type: "proc", Source: "proc", Flags: strict, Mode: 0o755},
		{Target: "/sys", Type: "sysfs", Source: "sysfs", Flags: strict, Mode: 0o755},
		{Target: "/dev", Type: "devtmpfs", Source: "devtmpfs", Flags: nosuid, Data: "mode=0755", Mode: 0o755},
		{Target: "/run", Type: "tmpfs", Source: "tmpfs", Flags: nosuid | nodev, Data: "mode=0755", Mode: 0o755},
		{Target: "/run/proa", Mode: 0o755},
		{Target: "/mnt", Mode: 0o755},
	}
}

// Main has the mounts that a Kubernetes node needs. Everything is shared, so that volumes mounted by pods are visible
// to others.
func Main() []Row {
	return []Row{
		{Target: "/", Flags: unix.MS_SHARED | unix.MS_REC},
		// devtmpfs has devices only; programs rely on these links of udev's (systemd, src/shared/dev-setup.c): crun
		// reads /dev/stdin.
		{Target: "/dev/fd", Link: "/proc/self/fd"},
		{Target: "/dev/stdin", Link: "/proc/self/fd/0"},
		{Target: "/dev/stdout", Link: "/proc/self/fd/1"},
		{Target: "/dev/stderr", Link: "/proc/self/fd/2"},
		{Target: "/dev/pts", Type: "devpts", Source: "devpts", Flags: noexec | nosuid, Data: "mode=0620,gid=5,ptmxmode=0666", Mode: 0o755},
		{Target: "/dev/shm", Type: "tmpfs", Source: "shm", Flags: nosuid | nodev, Data: "mode=1777", Mode: 0o1777},
		{Target: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Flags: strict, Mode: 0o755},
		{Target: "/dev/hugepages", Type: "hugetlbfs", Source: "hugetlbfs", Flags: nosuid | nodev, Mode: 0o755, Optional: true},
		{Target: "/sys/fs/cgroup", Type: "cgroup2", Source: "cgroup2", Flags: strict, Data: "nsdelegate,memory_recursiveprot"},
		{Target: "/sys/fs/bpf", Type: "bpf", Source: "bpf", Flags: strict, Data: "mode=0700", Optional: true},
		{Target: "/sys/kernel/security", Type: "securityfs", Source: "securityfs", Flags: strict, Optional: true},
		{Target: "/sys/kernel/debug", Type: "debugfs", Source: "debugfs", Flags: strict, Optional: true},
		{Target: "/sys/kernel/tracing", Type: "tracefs", Source: "tracefs", Flags: strict, Optional: true},
		{Target: "/tmp", Type: "tmpfs", Source: "tmp", Flags: nosuid | nodev, Data: "mode=1777,size=50%"},
		{Target: "/run/lock", Mode: 0o1777},
		{Target: "/run/proa/data", Mode: 0o755},
		{Target: "/run/proa/etc", Mode: 0o755},
	}
}

// Etc mounts a writable tmpfs overlay on the read-only defaults; it is empty at every boot.
func Etc() []Row { return EtcOf("", "/run/proa/etc") }

// EtcOf does so in a root that is mounted elsewhere, with a directory on a tmpfs for what is written.
func EtcOf(root, dir string) []Row {
	return []Row{
		{Target: dir + "/upper", Mode: 0o755},
		{Target: dir + "/work", Mode: 0o755},
		{Target: root + "/etc", Type: "overlay", Source: "etc", Flags: nodev | nosuid, Data: fmt.Sprintf("lowerdir=%s/etc,upperdir=%s/upper,workdir=%[2]s/work", root, dir)},
	}
}

// Persistent bind-mounts the writable directories of the root from the data file system.
func Persistent(data string) []Row {
	var rows []Row
	for _, d := range []struct {
		name string
		mode os.FileMode
	}{{"var", 0o755}, {"home", 0o755}, {"opt", 0o755}, {"root", 0o700}} {
		from := data + "/" + d.name
		rows = append(rows, Row{Target: from, Mode: d.mode}, Row{Source: from, Target: "/" + d.name, Flags: unix.MS_BIND})
	}
	return append(rows,
		// On a disk that is full or read-only directories cannot be created; the machine boots nevertheless and reports
		// that.
		Row{Target: "/var/lib/proa", Mode: 0o700, Optional: true},
		Row{Target: "/var/log/proa", Mode: 0o750, Optional: true},
		Row{Target: k3sflags.DataDir, Mode: 0o755, Optional: true},
		Row{Target: "/var/tmp", Mode: 0o1777, Optional: true},
		// Kubernetes mounts volumes below these: mounts must propagate.
		Row{Target: "/var", Flags: unix.MS_SHARED | unix.MS_REC},
		Row{Target: "/opt", Flags: unix.MS_SHARED | unix.MS_REC})
}
