package blackbox

import (
	"time"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/layout"
)

// Starting records that a boot of a slot begins, if the slot is watched, and returns how many boots before it have begun and
// were lost before Arrived.
func (p Place) Starting(slot layout.Slot, root string, after time.Duration) (lost int, err error) {
	raw, err := p.Read()
	if err != nil {
		return 0, err
	}
	b := box.Parse(raw)
	lost, watched := b.Starts(slot, root)
	if !watched {
		return 0, nil
	}
	i, text := b.Put(box.Record{Slot: slot, Try: lost + 1, State: box.Started, After: after, Root: root, Step: "stage1 black-box"})
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
