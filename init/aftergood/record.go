// Package aftergood watches a slot for a day after its trial ended well: a machine that its watchdog resets, or whose
// kernel panics, within that day has a slot that only looked good. The rules are pure functions of a small file on the data
// partition and of what the hardware and the kernel tell about the last boot. It changes no boot state: whether another
// slot can take over, init/slot says. After the day the file is gone, and nothing is written any more.
package aftergood

import (
	"fmt"
	"strings"
	"time"

	"github.com/proa-os/proa/images/layout"
)

// Window is how long after it was marked good a slot is watched.
const Window = 24 * time.Hour

// Most is how many ends of unknown cause within Window count as a defect of the slot. One or two may be power cuts, which
// look like a reset on a machine whose hardware does not tell them apart.
const Most = 3

// maxEnds is how many ends are kept.
const maxEnds = 10

// Record is the file's content.
type Record struct {
	Slot    layout.Slot `json:"slot"`
	Root    string      `json:"root"`           // first digits of the root hash, as in the black box: a slot that is written again is another one
	Good    time.Time   `json:"good"`           // when it was marked good
	Orderly bool        `json:"orderly"`        // the last boot ended with a shutdown
	Ends    []End       `json:"ends,omitempty"` // of boots that did not
}

// End is the end of a boot without a shutdown.
type End struct {
	Found time.Time `json:"found"`           // when the next boot found it
	Cause string    `json:"cause,omitempty"` // "watchdog", or what the kernel said when it panicked; "": not known
}

// Watchdog is the cause that a watchdog's driver tells.
const Watchdog = "the watchdog reset the machine"

// Boot is what a boot knows.
type Boot struct {
	Slot  layout.Slot
	Root  string
	Trial bool
	Now   time.Time
	Cause string // of the last boot's end
	// Lost: the cause is known from what only a lost boot leaves. It may have been lost before Started could note that it
	// runs, so that the record still says that the boot before it ended with a shutdown.
	Lost bool
}

// Started returns the record with this boot counted, nil if there is nothing to watch any more, and why the slot is given
// up, "" if it is not.
func (r Record) Started(b Boot) (next *Record, why string) {
	if b.Trial || b.Slot != r.Slot || b.Root != r.Root || b.Now.Sub(r.Good) >= Window {
		return nil, ""
	}
	if !r.Orderly || b.Lost {
		r.Ends = append(r.Ends[:len(r.Ends):len(r.Ends)], End{b.Now.UTC().Truncate(time.Second), b.Cause})
		r.Ends = r.Ends[max(0, len(r.Ends)-maxEnds):]
		why = r.judge()
	}
	r.Orderly = false
	return &r, why
}

// judge says why the ends are the slot's fault: one whose cause is known, or Most of any.
func (r Record) judge() string {
	last := r.Ends[len(r.Ends)-1]
	after := max(0, last.Found.Sub(r.Good)).Truncate(time.Second)
	switch {
	case last.Cause != "":
		return fmt.Sprintf("%s, found %s after the slot was marked good", last.Cause, after)
	case len(r.Ends) >= Most:
		return fmt.Sprintf("the machine stopped %d times without a shutdown within %s after the slot was marked good", len(r.Ends), after)
	}
	return ""
}

// Text tells users of ends that have not cost the slot anything yet, "" if there were none.
func (r Record) Text() string {
	if len(r.Ends) == 0 {
		return ""
	}
	var at []string
	for _, e := range r.Ends {
		when := e.Found.UTC().Format("2006-01-02 15:04 UTC")
		if e.Cause != "" {
			when += " (" + e.Cause + ")"
		}
		at = append(at, when)
	}
	return fmt.Sprintf("slot %s is new, and since it was marked good the machine stopped without a shutdown before %s; after %d of these within %.0f h slot %s takes over, if it can",
		r.Slot, strings.Join(at, ", "), Most, Window.Hours(), r.Slot.Other())
}
