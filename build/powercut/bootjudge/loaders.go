package bootjudge

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/uboot"
)

// loader is the model of a boot loader with the boot state of one disk. Each call of boot is one start of the machine: it
// returns the slots in the order in which they are tried to load, and counts the try.
type loader interface {
	boot() []start
}

// start is an attempt to start a slot. entry is what systemd-boot's says; nil under others.
type start struct {
	slot  layout.Slot
	entry *sdboot.Entry
}

// loaders are the models, by the name of the chain.
var loaders = map[string]func(*seen) (loader, error){
	chain.GRUB: grub, chain.UBoot: ubootState, chain.SystemdBoot: systemdBoot,
}

// pair is a boot loader whose script is modelled by images/bootstate.
type pair struct {
	bootstate.Encoding
	copies   [2][]byte
	canWrite func(i int) bool
}

func (p *pair) boot() (list []start) {
	_, next, err := p.Choose(p.copies[0], p.copies[1])
	c := p.Encoding.Boot(p.copies[0], p.copies[1], err == nil && p.canWrite(next))
	if c.Write >= 0 {
		p.copies[c.Write] = p.Encode(c.Next)
	}
	for _, s := range c.Start {
		list = append(list, start{slot: s.Slot})
	}
	return list
}

// grub reads both files as grub.cfg does. save_env writes only into a file that has its full length.
func grub(s *seen) (loader, error) {
	p := &pair{Encoding: grubenv.Encoding()}
	for i := range p.copies {
		text, err := s.content(grubenv.Dir + "/" + grubenv.File(i))
		if err != nil && !errors.Is(err, errGone) {
			return nil, err
		}
		p.copies[i] = text
	}
	p.canWrite = func(i int) bool { return len(p.copies[i]) == grubenv.Size }
	return p, nil
}

func ubootState(s *seen) (loader, error) {
	part, err := s.judge.Table.Find(layout.State, layout.Shared)
	if err != nil {
		return nil, err
	}
	p := &pair{Encoding: uboot.Encoding(), canWrite: func(int) bool { return true }}
	for i := range p.copies {
		p.copies[i] = make([]byte, uboot.Size)
		if _, err := s.disk.ReadAt(p.copies[i], part.Start+uboot.Offset(i)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// entries are the entries that systemd-boot finds.
type entries []found

type found struct {
	sdboot.Name
	sdboot.Entry
	named string // without counters, which is what is compared
}

// systemdBoot reads the entries. One that is no file, cannot be parsed or names a kernel that does not exist is skipped
// (boot_entry_add_type1 in src/boot/boot.c).
func systemdBoot(s *seen) (loader, error) {
	dir, err := s.find(sdboot.Dir)
	if err != nil {
		return nil, err
	}
	files, err := s.list(dir)
	if err != nil {
		return nil, err
	}
	list := &entries{}
	for _, f := range files {
		n, ok := sdboot.ParseName(f.name)
		if !ok || f.dir {
			continue
		}
		text, err := s.content(sdboot.Dir + "/" + f.name)
		if err != nil {
			return nil, err
		}
		e, err := sdboot.ParseEntry(text)
		if err != nil {
			continue
		}
		if _, err := s.find(e.Slot.Dir() + "/" + layout.KernelFile); err == nil {
			*list = append(*list, found{n, e, n.Blessed().String()})
		}
	}
	return list, nil
}

// boot chooses the first entry and counts its try in its name, if it has one left.
func (l *entries) boot() []start {
	slices.SortStableFunc(*l, compare)
	if len(*l) == 0 {
		return nil
	}
	first := &(*l)[0]
	if first.Counted && first.Left > 0 {
		first.Left--
		first.Done++
	}
	return []start{{first.Entry.Slot, &first.Entry}}
}

// compare orders entries as boot_entry_compare in src/boot/boot.c does; all of proa's have the same sort key.
func compare(x, y found) int {
	last := func(f found) int {
		if f.Last() {
			return 1
		}
		return 0
	}
	by := cmp.Or(cmp.Compare(last(x), last(y)), cmp.Compare(y.Sequence, x.Sequence), strings.Compare(y.named, x.named))
	if by != 0 || !x.Counted || !y.Counted {
		return by
	}
	return cmp.Or(cmp.Compare(y.Left, x.Left), cmp.Compare(x.Done, y.Done))
}
