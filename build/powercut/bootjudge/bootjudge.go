// Package bootjudge says what a machine does with a disk that a power cut has left: which slot its boot loader starts, by the
// models of the boot chains in images/, and whether that slot is complete by its manifest. It also says whether config.yaml,
// the black box and the partition table are as they must be.
//
// It reads the boot partition as boot loaders do, once with each way of reading damaged long names. It refuses, as a failure,
// a disk that starts an incomplete slot unless the chain itself counts that down and comes to a complete one, and a disk on
// which the slot that ran before is not complete. It runs nothing.
package bootjudge

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotsig"
)

// Disk is a disk to judge; powercut.Image is one.
type Disk interface {
	io.ReaderAt
	// Same returns a text that is equal for ranges of equal content.
	Same(off, size int64) string
	// Whole says whether a root partition has the root image of the manifest of its slot.
	Whole(part string) bool
}

// Judge knows the machine and what it was upgraded from and to.
type Judge struct {
	Chain chain.Chain
	Size  int64 // of the disk
	Table layout.Table
	From  layout.Slot // the slot that ran before
	// Manifests are what the slots may have.
	Manifests map[layout.Slot][]byte
	// Keys are those of the machine's image, which starts no slot whose manifest they have not signed.
	Keys slotsig.Keys
	// Adapted are files that differ from the manifest on purpose: path in the boot partition, checksum.
	Adapted map[string]string
	Config  []byte // config.yaml

	sums   map[string]string // of files, by seen.sum's keys
	chains *chains
	tables map[string]error // of the partition table, by its content
}

// New returns a judge for a disk as it was before the upgrade. adapted are the files in the boot partition that were
// changed for the test and so differ from the manifest.
func New(j Judge, before Disk, adapted ...string) (*Judge, error) {
	j.chains = &chains{map[chainKey][]followed{}}
	j.sums, j.tables, j.Adapted = map[string]string{}, map[string]error{}, map[string]string{}
	s, err := j.see(before, false)
	if err != nil {
		return nil, err
	}
	if j.Config, err = s.content(layout.ConfigFile); err != nil {
		return nil, err
	}
	for _, path := range adapted {
		list, _, err := s.extents(path)
		if err == nil {
			j.Adapted[path], err = s.sum(list)
		}
		if err != nil {
			return nil, err
		}
	}
	v, err := j.Look(before)
	if err == nil && (v.Slot != j.From || v.Boots != 1) {
		err = fmt.Errorf("it starts slot %s at boot %d", v.Slot, v.Boots)
	}
	if err != nil {
		return nil, fmt.Errorf("the disk before the upgrade: %w", err)
	}
	return &j, nil
}

// Verdict is what the machine does with a disk.
type Verdict struct {
	Slot  layout.Slot // the slot that comes up
	Boots int         // it does so at this boot; more than 1: an incomplete slot was started before
	Home  int         // if the new slot never became good, the old one is back at this boot; 0: never, the new one is good
}

// Look judges a disk. If readers of damaged long names differ each must be right, and the verdict is of one that starts the
// new slot.
func (j *Judge) Look(d Disk) (v Verdict, err error) {
	if err := j.table(d); err != nil {
		return v, err
	}
	for _, loose := range []bool{false, true} {
		s, err := j.see(d, loose)
		if err != nil {
			return v, err
		}
		got, err := s.look()
		if err != nil {
			return v, err
		}
		if !loose || got.Slot != j.From {
			v = got
		}
		if !s.memo.odd {
			break
		}
	}
	return v, nil
}

// table compares the partition table; it is read again only where it changed.
func (j *Judge) table(d Disk) error {
	const head, tail = 34 * layout.Sector, 66 * layout.Sector
	key := d.Same(0, head) + d.Same(j.Size-tail, tail)
	err, known := j.tables[key]
	if !known {
		err = j.readTable(d)
		j.tables[key] = err
	}
	return err
}

func (j *Judge) readTable(d Disk) error {
	got, _, err := gpt.Read(readOnly{d}, j.Size)
	if err != nil {
		return err
	}
	if len(got) != len(j.Table) {
		return fmt.Errorf("%d partitions, were %d", len(got), len(j.Table))
	}
	for i, p := range got {
		if p != j.Table[i] {
			return fmt.Errorf("partition %v was %v", p, j.Table[i])
		}
	}
	return nil
}

type readOnly struct{ io.ReaderAt }

func (readOnly) WriteAt([]byte, int64) (int, error) { return 0, errors.New("read-only") }

// seen is one disk with its boot partition.
type seen struct {
	judge *Judge
	disk  Disk
	volume
	known map[layout.Slot]error // of slots without an entry
}

func (j *Judge) see(d Disk, loose bool) (*seen, error) {
	p, err := j.Table.Find(layout.Boot, layout.Shared)
	if err != nil {
		return nil, err
	}
	v, err := openVolume(d, p.Start, p.Size)
	if err != nil {
		return nil, fmt.Errorf("boot partition: %w", err)
	}
	v.loose, v.memo = loose, &memo{chains: j.chains, lists: map[uint32][]file{}}
	return &seen{j, d, v, map[layout.Slot]error{}}, nil
}

func (s *seen) look() (v Verdict, err error) {
	if err := s.files(); err != nil {
		return v, err
	}
	if err := s.whole(s.judge.From, start{}); err != nil {
		return v, fmt.Errorf("slot %s, which ran before the upgrade: %w", s.judge.From, err)
	}
	if v.Slot, v.Boots, err = s.comesUp(func(at start) error { return s.whole(at.slot, at) }); err != nil {
		return v, err
	}
	failed := errors.New("made to fail")
	_, v.Home, err = s.comesUp(func(at start) error {
		if at.slot == s.judge.From {
			return nil // it is whole
		}
		return failed
	})
	if err != nil && v.Slot != s.judge.From && v.Boots == 1 {
		err = nil // the new slot is good: no other is started by itself
	}
	return v, err
}

// files judges what belongs to no slot.
func (s *seen) files() error {
	text, err := s.content(layout.ConfigFile)
	if err != nil {
		return err
	}
	if !bytes.Equal(text, s.judge.Config) {
		return fmt.Errorf("%s has changed", layout.ConfigFile)
	}
	if text, err = s.content(blackbox.File); err != nil {
		return err
	}
	if len(text) != blackbox.Size {
		return fmt.Errorf("%s has %d bytes", blackbox.File, len(text))
	}
	for i, r := range blackbox.Parse(text) {
		if sector := text[i*layout.Sector:][:layout.Sector]; r == nil && len(bytes.Trim(sector, "\x00")) > 0 {
			return fmt.Errorf("record %d of %s is damaged", i, blackbox.File)
		}
	}
	return nil
}

// comesUp boots until a slot runs. The boot loader tries the next slot if it cannot load one; a slot that was loaded and
// does not run is a lost boot.
func (s *seen) comesUp(runs func(start) error) (layout.Slot, int, error) {
	l, err := loaders[s.judge.Chain.Name](s)
	if err != nil {
		return "", 0, err
	}
	for n := 1; n <= bootstate.MaxTries+2; n++ {
		at, ok := s.first(l.boot())
		if !ok {
			return "", 0, fmt.Errorf("no slot can be loaded at boot %d", n)
		}
		if err = runs(at); err == nil {
			return at.slot, n, nil
		}
		err = fmt.Errorf("boot %d starts slot %s: %w", n, at.slot, err)
	}
	return "", 0, err
}

// first returns the first slot that can be loaded.
func (s *seen) first(list []start) (start, bool) {
	for _, at := range list {
		if at.entry != nil || s.loads(at.slot) { // systemd-boot tries no other one
			return at, true
		}
	}
	return start{}, false
}
