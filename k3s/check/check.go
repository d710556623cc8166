// Package check verifies that kernel and tools have what the runtime needs: it reads /proc, /sys and PATH, and changes
// nothing.
package check

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// item is one requirement.
type item struct {
	name     string
	required bool
	missing  func() error
}

// items are in the order they are printed.
func items() []item {
	return []item{
		{"cgroup v2", true, cgroupVersion},
		{"cgroup controllers cpu cpuset memory pids", true, controllers("cpu", "cpuset", "memory", "pids")},
		{"cgroup controllers io hugetlb", false, controllers("io", "hugetlb")},
		{"namespaces net pid ipc uts mnt", true, files("/proc/self/ns/net", "/proc/self/ns/pid", "/proc/self/ns/ipc", "/proc/self/ns/uts", "/proc/self/ns/mnt")},
		{"namespace user", false, files("/proc/self/ns/user")},
		{"overlay file system", true, inFile("/proc/filesystems", "overlay")},
		{"seccomp", true, files("/proc/sys/kernel/seccomp/actions_avail")},
		{"POSIX message queues", true, inFile("/proc/filesystems", "mqueue")},
		{"bridge netfilter", true, files("/proc/sys/net/bridge/bridge-nf-call-iptables")},
		{"connection tracking", true, files("/proc/sys/net/netfilter/nf_conntrack_max")},
		{"module vxlan", false, module("vxlan")},
		{"program nft", true, program("nft")},
		{"program crun", true, program("crun")},
		{"program containerd-shim-runc-v2", true, program("containerd-shim-runc-v2")},
		{"program mount", false, program("mount")},
	}
}

// Run prints every item and fails if a required one is missing.
func Run(w io.Writer) error {
	missing := 0
	for _, i := range items() {
		err := i.missing()
		switch {
		case err == nil:
			fmt.Fprintf(w, "ok        %s\n", i.name)
		case i.required:
			missing++
			fmt.Fprintf(w, "missing   %s: %v\n", i.name, err)
		default:
			fmt.Fprintf(w, "optional  %s: %v\n", i.name, err)
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d required items are missing", missing)
	}
	return nil
}

func cgroupVersion() error {
	var s unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &s); err != nil {
		return err
	}
	if s.Type != unix.CGROUP2_SUPER_MAGIC {
		return errors.New("/sys/fs/cgroup is not the unified hierarchy")
	}
	return nil
}

func controllers(names ...string) func() error {
	return func() error {
		data, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		if err != nil {
			return err
		}
		have := strings.Fields(string(data))
		names := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(have, n) })
		if len(names) > 0 {
			return fmt.Errorf("no %s", strings.Join(names, ", "))
		}
		return nil
	}
}

func files(paths ...string) func() error {
	return func() error {
		for _, p := range paths {
			if _, err := os.Stat(p); err != nil {
				return err
			}
		}
		return nil
	}
}

func inFile(path, word string) func() error {
	return func() error {
		data, err := os.ReadFile(path)
		if err == nil && !slices.Contains(strings.Fields(string(data)), word) {
			err = fmt.Errorf("not in %s", path)
		}
		return err
	}
}

// module checks that a module is loaded, built in, or available.
func module(name string) func() error {
	return func() error {
		if _, err := os.Stat("/sys/module/" + name); err == nil {
			return nil
		}
		var u unix.Utsname
		if err := unix.Uname(&u); err != nil {
			return err
		}
		dep := filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:]), "modules.dep")
		data, err := os.ReadFile(dep)
		if err == nil && !strings.Contains(string(data), "/"+name+".ko") {
			err = fmt.Errorf("not in %s", dep)
		}
		return err
	}
}

func program(name string) func() error {
	return func() error {
		_, err := exec.LookPath(name)
		return err
	}
}
