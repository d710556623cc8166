package slottrust

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slot"
)

// Boot verifies that the slot that was started is signed, and that the kernel was started as its manifest says.
func (t Trust) Boot(s slot.Slots, line cmdline.Line) error {
	return s.Files(s.Current(), false, func(dir string) error { return t.started(dir, line, s.Current()) })
}

// Medium verifies the same of a live medium, which has the manifest in dir.
func (t Trust) Medium(dir string, line cmdline.Line) error {
	return t.started(dir, line, layout.Shared)
}

func (t Trust) started(dir string, line cmdline.Line, of layout.Slot) error {
	f, err := Read(dir)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the slot has no manifest: %w", err)
	}
	if err != nil {
		return err
	}
	if err := t.Check(f.Text, f.Sig); err != nil {
		return err
	}
	return compare(f.Manifest, line, of)
}

// compare finds what the kernel was started with that is not the manifest's.
func compare(m slotfile.Manifest, line cmdline.Line, of layout.Slot) error {
	switch {
	case m.Root.Hash != line.Root.Hash:
		return fmt.Errorf("the kernel was started with root hash %s…, the signed manifest has %s…", line.Root.Hash[:min(12, len(line.Root.Hash))], m.Root.Hash[:12])
	case m.Root.Image != line.Root.Size:
		return fmt.Errorf("the kernel was started with a root of %d bytes, the signed manifest has %d", line.Root.Size, m.Root.Image)
	case m.Board != line.Board:
		return fmt.Errorf("the kernel was started for the board %q, the signed manifest is for %q", line.Board, m.Board)
	case of == layout.Shared:
		return nil // a live system has a command line of its own
	}
	return compareWords(strings.Fields(cmdline.OfSlot(m.Cmdline, of)), strings.Fields(line.Raw))
}

// compareWords requires every word of the manifest, and refuses other words of proa. Words that firmware, boot loader or
// the user adds stay possible, and consoles are theirs to choose.
func compareWords(signed, started []string) error {
	for _, w := range signed {
		if !strings.HasPrefix(w, "console=") && !slices.Contains(started, w) {
			return fmt.Errorf("the kernel was started without %q, which the signed manifest has", w)
		}
	}
	for _, w := range started {
		if cmdline.Describes(w) && !slices.Contains(signed, w) {
			return fmt.Errorf("the kernel was started with %q, which the signed manifest does not have", w)
		}
	}
	return nil
}
