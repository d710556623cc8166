package blackbox

import "github.com/proa-os/proa/images/layout"

// Watched is the step of the verdict good about a slot that is watched because it is new (init/aftergood): its boots are
// recorded until they have come far enough to be judged there.
const Watched = "watched"

// Starts returns how many boots of a watched slot have begun and not come as far as that, and whether it is watched. root is
// as in Record: a slot that was written again is another one.
func (b Box) Starts(slot layout.Slot, root string) (lost int, watched bool) {
	for _, r := range b.history(slot) {
		switch {
		case r.State.ofSlot():
			lost, watched = 0, r.State == Good && r.Step == Watched && r.Root == root
		case watched && r.Root == root:
			lost = max(lost, r.Try)
		}
	}
	return lost, watched
}
