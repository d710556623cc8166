package blackbox

import (
	"errors"
	"fmt"
	"io/fs"

	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/sys"
)

// Facts is what else is known of the slots.
type Facts struct {
	Current  layout.Slot
	Try      int              // number of the try if the current slot is on trial; else 0
	Other    slot.Standing    // boot state of the other slot
	Fallback cmdline.Fallback // of the kernel command line
}

// Tell returns the reports of both slots' last trials, the other slot's first. Black box and boot state are preferred
// to the command line, which names a slot only if neither has a report.
func Tell(b box.Box, f Facts) (out []box.Report) {
	other := b.Report(f.Current.Other())
	switch {
	case other.GivenUp:
	case f.Other.GivenUp:
		other.GivenUp, other.Tries = true, max(other.Tries, f.Other.Tries)
	case f.Fallback.Slot == other.Slot && other.Slot != layout.Shared:
		other.GivenUp, other.Tries = true, max(other.Tries, f.Fallback.Tries)
	}
	mine := b.Report(f.Current)
	if f.Try > 0 {
		mine = mine.Before(f.Try)
	}
	for _, r := range []box.Report{other, mine} {
		if !r.Empty() {
			out = append(out, r)
		}
	}
	return out
}

// Verdict returns the record that preserves a report beyond this boot, since command line and boot state do not. nil:
// the black box has it already.
func Verdict(b box.Box, reports []box.Report) *box.Record {
	for _, r := range reports {
		if r.GivenUp && !b.Report(r.Slot).GivenUp {
			return &box.Record{Slot: r.Slot, State: box.GivenUp, Try: r.Tries}
		}
	}
	return nil
}

// Stamp is touched when another process writes the black box, so that PID 1 reads it again.
const Stamp = "/run/proa/blackbox"

// Renew records that a slot was written or put on trial, so that earlier records about it are void. dir is the mounted
// boot partition, device its block device. A boot partition from before there was a black box has nothing to renew.
func Renew(door sys.Sys, dir, device string, s layout.Slot) error {
	p, err := Find(dir+"/"+box.File, device)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = p.Put(box.Record{Slot: s, State: box.Fresh})
	}
	if err == nil {
		err = door.WriteFile(Stamp, []byte(s+"\n"), 0o644)
	}
	if err != nil {
		return fmt.Errorf("black box: %w", err)
	}
	return nil
}
