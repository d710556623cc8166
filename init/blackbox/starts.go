package blackbox

import (
	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
)

// Starting finds the black box, and counts there that a boot begins: about has its slot, root and time.
func Starting(file, device string, about box.Record) (lost int, err error) {
	p, err := Find(file, device)
	if err != nil {
		return 0, err
	}
	return p.starting(about)
}

// starting records that a boot of a slot begins, if the slot is watched, and returns how many boots before it have begun and
// were lost before Arrived.
func (p Place) starting(about box.Record) (lost int, err error) {
	raw, err := p.Read()
	if err != nil {
		return 0, err
	}
	b := box.Parse(raw)
	lost, watched := b.Starts(about.Slot, about.Root)
	if !watched {
		return 0, nil
	}
	about.Try, about.State, about.Step = lost+1, box.Started, "stage1 black-box"
	i, text := b.Put(about)
	return lost, p.write(i, text)
}

// Arrived records that this boot has come far enough, so that none counts any more, and whether the slot is still watched.
func (p Place) Arrived(slot layout.Slot, root string, watched bool) error {
	raw, err := p.Read()
	if err != nil {
		return err
	}
	b := box.Parse(raw)
	lost, was := b.Starts(slot, root)
	if !was || lost == 0 && watched {
		return nil
	}
	r := box.Record{Slot: slot, State: box.Good, Root: root}
	if watched {
		r.Step = box.Watched
	}
	i, text := b.Put(r)
	return p.write(i, text)
}
