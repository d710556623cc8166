package softswap

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/boot"
)

// Facts is what decides whether a soft swap is possible.
type Facts struct {
	Live          bool
	DataErr       error             // why data is in memory
	Trial         boot.Trial        // the boot state as the other slot would find it
	Hash          string            // root hash of the running system
	Running, Next slotfile.Manifest // of the slots' directories
	Config        []string          // changed keys of the configuration that take effect with a restart of the machine only
	Pods          []Process         // that would keep the running root in use
	Lost          []string          // mount points that would not be there any more
}

// obstacle is one row: a reason against a soft swap; "" if it does not apply.
type obstacle func(Facts) string

// obstacles are all reasons. A restart of the machine removes each of them.
var obstacles = []obstacle{
	func(f Facts) string { return when(f.Live, "a live system has one slot only") },
	func(f Facts) string { return when(f.DataErr != nil, "the data partition is not mounted") },
	func(f Facts) string { return when(!f.Trial.Known || !f.Trial.On, "the other slot is not on trial") },
	func(f Facts) string {
		return when(f.Trial.On && !f.Trial.Other.Good, "the running slot is not good, and would be the fallback")
	},
	func(f Facts) string {
		return when(f.Running.Root.Hash != f.Hash, "the running slot's manifest is not that of the running system")
	},
	func(f Facts) string {
		return when(f.Next.Board != f.Running.Board, fmt.Sprintf("the new slot is for the board %s", f.Next.Board))
	},
	func(f Facts) string { return strings.Join(files(f.Running, f.Next), ", ") },
	func(f Facts) string { return words(f.Running.Cmdline, f.Next.Cmdline) },
	func(f Facts) string {
		return list("the configuration has changes that need a restart of the machine: ", f.Config)
	},
	func(f Facts) string { return list("processes of pods use the running root: ", names(f.Pods)) },
	func(f Facts) string { return list("mount points have no place in the new root: ", f.Lost) },
}

// Why returns the reasons against a soft swap, for people; none: it is possible.
func Why(f Facts) (out []string) {
	for _, o := range obstacles {
		if why := o(f); why != "" {
			out = append(out, why)
		}
	}
	return out
}

func when(holds bool, why string) string {
	if holds {
		return why
	}
	return ""
}

func list(what string, of []string) string {
	const most = 5
	switch {
	case len(of) == 0:
		return ""
	case len(of) > most:
		of = append(slices.Clone(of[:most]), fmt.Sprintf("and %d more", len(of)-most))
	}
	return what + strings.Join(of, ", ")
}

// files compares what was loaded before the root: kernel, initramfs, device trees and files of the firmware. What belongs to
// one slot only names the slot, and says the same otherwise.
func files(running, next slotfile.Manifest) (differ []string) {
	has, wants := common(running), common(next)
	for name, sum := range wants {
		if has[name] != sum {
			differ = append(differ, called(name)+" is another one")
		}
		delete(has, name)
	}
	for name := range maps.Keys(has) {
		differ = append(differ, called(name)+" is gone")
	}
	slices.Sort(differ)
	return differ
}

func common(m slotfile.Manifest) map[string]string {
	out := map[string]string{}
	for _, f := range m.Files {
		if name, ok := strings.CutPrefix(f.Name, slotfile.Common); ok {
			out[name] = f.SHA256
		}
	}
	return out
}

func called(name string) string {
	switch {
	case name == "vmlinuz":
		return "the kernel"
	case name == "initrd":
		return "the initramfs"
	case strings.HasSuffix(name, ".dtb"):
		return "the device tree " + name
	}
	return "the boot file " + name
}

// words compares the kernel command lines without the words that name a slot and its root.
func words(running, next string) string {
	rest := func(raw string) []string { return slices.DeleteFunc(strings.Fields(raw), cmdline.OfRoot) }
	if slices.Equal(rest(running), rest(next)) {
		return ""
	}
	return fmt.Sprintf("the kernel command line is another one (%s)", strings.Join(rest(next), " "))
}

func names(of []Process) (out []string) {
	for _, p := range of {
		out = append(out, p.String())
	}
	return out
}
