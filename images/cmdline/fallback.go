package cmdline

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

// Fallback is why a slot runs in the place of the other one.
type Fallback struct {
	Slot  layout.Slot // the one that did not become good; Shared: there was no fallback
	Tries int         // made of it; 0: it could not be loaded, or a try could not be counted
}

// String returns SLOT:TRIES, "" if there was none.
func (f Fallback) String() string {
	if f.Slot == layout.Shared {
		return ""
	}
	return fmt.Sprintf("%s:%d", f.Slot, f.Tries)
}

// Word returns the word for it.
func (f Fallback) Word() string { return fallback + f.String() }

// parseFallback takes what String does not write for none: a boot must not fail because of it.
func parseFallback(text string) Fallback {
	name, count, _ := strings.Cut(text, ":")
	s, err := layout.ParseSlot(name)
	n, err2 := strconv.Atoi(count)
	if err != nil || err2 != nil || n < 0 {
		return Fallback{}
	}
	return Fallback{s, n}
}
