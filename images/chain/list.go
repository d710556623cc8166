package chain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// List is the table, or some of its rows: the chains of one image.
type List []Chain

// Named returns the chain of that name.
func Named(name string) (Chain, error) {
	for _, c := range Table() {
		if c.Name == name {
			return c, nil
		}
	}
	return Chain{}, fmt.Errorf("no boot chain %q", name)
}

// Rows returns the rows of these names, which are constants of this package.
func Rows(names ...string) (list List) {
	for _, name := range names {
		c, err := Named(name)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		list = append(list, c)
	}
	return list
}

// Names returns the names of the chains that a kind of firmware starts.
func Names(f Firmware) (names []string) {
	for _, c := range Table() {
		if c.Firmware == f {
			names = append(names, c.Name)
		}
	}
	return names
}

// Starters returns the files that make a slot bootable, of all chains.
func Starters() (files []string) {
	for _, c := range Table() {
		if c.Starter != "" {
			files = append(files, c.Starter)
		}
	}
	return files
}

// Has says whether the list has the chain of that name.
func (l List) Has(name string) bool {
	return slices.ContainsFunc(l, func(c Chain) bool { return c.Name == name })
}

// Needs says whether one of the chains needs the partition of that GPT name.
func (l List) Needs(partition string) bool {
	return slices.ContainsFunc(l, func(c Chain) bool { return slices.Contains(c.Partitions, partition) })
}

// OwnBoot says whether each slot has a boot partition of its own.
func (l List) OwnBoot() bool { return slices.ContainsFunc(l, func(c Chain) bool { return c.OwnBoot }) }

// Packaged says whether one of the boot loaders comes from Debian's packages for the architecture.
func (l List) Packaged() bool {
	return slices.ContainsFunc(l, func(c Chain) bool { return c.Packaged })
}

// ForOne says whether a file of a slot is for that slot only, because it names it.
func (l List) ForOne(file string) bool {
	return slices.ContainsFunc(l, func(c Chain) bool { return slices.Contains(c.Naming, file) })
}

// Modules returns the kernel modules of proa's own that the chains need.
func (l List) Modules() (names []string) {
	for _, c := range l {
		if c.Module != "" {
			names = append(names, c.Module)
		}
	}
	return names
}

// String returns the table as text, one line for each chain.
func (l List) String() string {
	var b strings.Builder
	row := func(name, firmware, images, state, counter, starter string) {
		fmt.Fprintf(&b, "%-12s  %-8s  %-10s  %-36s  %-13s  %s\n", name, firmware, images, state, counter, starter)
	}
	row("chain", "firmware", "images", "boot state", "counts tries", "starts a slot")
	for _, c := range l {
		row(c.Name, string(c.Firmware), c.images(), cmp.Or(string(c.State), "-"), cmp.Or(c.Counter, "-"), c.starts())
	}
	return b.String()
}

func (c Chain) images() string {
	switch {
	case c.Disk && c.Live:
		return "disk, live"
	case c.Live:
		return "live"
	}
	return "disk"
}

// starts names the file that starts a slot, and the partitions of the chain.
func (c Chain) starts() string {
	parts := ""
	if len(c.Partitions) > 0 {
		parts = "; needs " + strings.Join(c.Partitions, ", ")
	}
	return cmp.Or(c.Starter, "-") + parts
}
