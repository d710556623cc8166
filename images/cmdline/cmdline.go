// Package cmdline writes and reads proa's own words on the kernel command line. The configuration there is parsed by
// config, and all other words by the kernel. Reading refuses invalid values.
package cmdline

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/verity"
)

// The words, without their values.
const (
	prefix   = "proa."
	mode     = prefix + "mode="
	board    = prefix + "board="
	rootHash = prefix + "roothash="
	rootSize = prefix + "rootsize="
	medium   = prefix + "medium="
	slot     = prefix + "slot="
	fallback = prefix + "fallback="

	// NoWatchdog disables the watchdogs, for hardware whose watchdog does not work. (QEMU's Raspberry Pis reset as soon
	// as theirs is set.)
	NoWatchdog = prefix + "watchdog=off"
)

// Line is the part of the command line that describes the machine.
type Line struct {
	Mode     string // images.OnDisk or images.Live
	Board    string
	Root     verity.Root
	Medium   string      // live: label of the ISO file system
	Slot     layout.Slot // Shared when live, and in what both slots have in common
	Fallback Fallback    // set by the boot loader
	Raw      string      // the whole command line, as read
}

// Words returns the words in the order of the fields, without those that have no value.
func (l Line) Words() (words []string) {
	size := ""
	if l.Root.Size > 0 {
		size = strconv.FormatInt(l.Root.Size, 10)
	}
	for _, w := range [][2]string{
		{mode, l.Mode}, {board, l.Board}, {rootHash, l.Root.Hash}, {rootSize, size},
		{medium, l.Medium}, {slot, string(l.Slot)}, {fallback, l.Fallback.String()},
	} {
		if w[1] != "" {
			words = append(words, w[0]+w[1])
		}
	}
	return words
}

// OfSlot returns the command line of a slot from what both slots have in common.
func OfSlot(shared string, s layout.Slot) string { return shared + " " + slot + string(s) }

// NamesSlot says whether a command line is that of one slot already.
func NamesSlot(line string) bool { return strings.Contains(line, slot) }

// IsLive says whether the command line is that of a live system. It accepts lines that Parse refuses.
func IsLive(raw string) bool {
	return slices.Contains(strings.Fields(raw), mode+images.Live)
}

// Others returns the words that are not proa's own.
func Others(raw string) (words []string) {
	for _, w := range strings.Fields(raw) {
		if !strings.HasPrefix(w, prefix) {
			words = append(words, w)
		}
	}
	return words
}

// OfRoot says whether a word names a slot or its root, so that it differs between two slots with the same kernel.
func OfRoot(word string) bool {
	for _, key := range []string{slot, rootHash, rootSize} {
		if strings.HasPrefix(word, key) {
			return true
		}
	}
	return false
}

// Describes says whether a word is one of those of proa that describe the machine, and not one that a boot loader or a
// user adds.
func Describes(word string) bool {
	return strings.HasPrefix(word, prefix) && !strings.HasPrefix(word, fallback) && word != NoWatchdog
}

// Parse parses the text of /proc/cmdline. Of a word that is given twice the last one counts.
func Parse(raw string) (Line, error) {
	values := map[string]string{}
	for _, word := range strings.Fields(raw) {
		if key, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(key, prefix) {
			values[key+"="] = value
		}
	}
	l := Line{Mode: values[mode], Board: values[board], Medium: values[medium],
		Fallback: parseFallback(values[fallback]), Raw: strings.TrimSpace(raw)}
	l.Slot, _ = layout.ParseSlot(values[slot]) // check refuses none on a disk
	l.Root.Hash = values[rootHash]
	return l, l.check(values[rootSize], values[slot])
}

func (l *Line) check(size, name string) error {
	if l.Mode != images.OnDisk && l.Mode != images.Live {
		return fmt.Errorf("%s%q: want %s or %s", mode, l.Mode, images.OnDisk, images.Live)
	}
	if raw, err := hex.DecodeString(l.Root.Hash); err != nil || len(raw) != 32 {
		return fmt.Errorf("%s%q: want 64 hex digits", rootHash, l.Root.Hash)
	}
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n <= 0 || n%verity.BlockSize != 0 {
		return fmt.Errorf("%s%q: want a multiple of %d", rootSize, size, verity.BlockSize)
	}
	l.Root.Size = n
	if l.Mode == images.OnDisk && l.Slot == layout.Shared {
		return fmt.Errorf("%s%q: want a or b", slot, name)
	}
	if l.Mode == images.Live && l.Medium == "" {
		return errors.New(prefix + "medium is empty: the live medium is found by its label")
	}
	return nil
}
