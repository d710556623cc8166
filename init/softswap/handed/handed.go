// Package handed is what PID 1 leaves for the PID 1 of the other slot when that takes over without a restart of the
// machine (init/softswap): the kernel's command line still names the slot that it was started with. It only describes;
// it decides and changes nothing.
package handed

import (
	"fmt"
	"time"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/verity"
)

// Request is the request to PID 1 for a soft swap (init/control).
const Request = "soft-swap"

// Swap is a soft swap of this boot. nil: the slot that runs was started by the boot loader.
type Swap struct {
	Slot   layout.Slot `json:"slot"` // the one that runs
	Root   verity.Root `json:"root"`
	Mapped string      `json:"mapped"` // device-mapper name of the root
	From   layout.Slot `json:"from"`   // the one that ran before
	At     time.Time   `json:"at"`
}

// Line returns the command line as the boot loader would have written it for the slot that runs. Raw stays as the kernel
// has it: its other words are the same.
func (s *Swap) Line(of cmdline.Line) cmdline.Line {
	if s != nil {
		of.Slot, of.Root, of.Fallback = s.Slot, s.Root, cmdline.Fallback{}
	}
	return of
}

// Name returns the device-mapper name of the root; first is that of a root that the boot loader has chosen.
func (s *Swap) Name(first string) string {
	if s == nil {
		return first
	}
	return s.Mapped
}

// String says it for people; "" if there was no swap.
func (s *Swap) String() string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("by soft swap from slot %s at %s, without a restart of the machine", s.From, s.At.UTC().Format(time.RFC3339))
}
