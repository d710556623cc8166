// Package grubenv is the encoding of the boot state on BIOS disks: two grubenv files that are written alternately, and
// the grub.cfg that reads them. GRUB has neither arithmetic nor checksums, therefore the check value repeats the whole
// state: every value has a fixed length, the variables come first and the check value last in the same order. A write
// that is torn anywhere in the sector leaves the old state, the new one, or one that fails the check.
//
// The package does no I/O. A writer on the device overwrites the first 512 bytes of the file in place, and flushes the
// disk before and after.
package grubenv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/bootstate"
)

// Names in the boot partition. A slot's SlotFile is in the slot's directory.
const (
	Dir        = "grub"
	ConfigFile = Dir + "/grub.cfg"
	SlotFile   = "grub.cfg"
)

const (
	// Size of each of the two files, as GRUB's tools make them; only the first Sector bytes ever change.
	Size = 1024
	// Sector is the number of bytes that one write changes.
	Sector = 512

	signature = "# GRUB Environment Block\n"
)

// File returns the name of file 0 or 1 in Dir.
func File(i int) string { return fmt.Sprintf("env%d", i) }

// Encoding returns the encoding of this package.
func Encoding() bootstate.Encoding { return bootstate.Encoding{Encode: Encode, Decode: Decode} }

// Encode returns a file of Size bytes.
func Encode(s bootstate.State) []byte {
	said := s.String()
	text := fmt.Sprintf("%sseq=%c\ngood=%c\ntry=%c\nleft=%c\ncheck=%s\n", signature, said[0], said[1], said[2], said[3], said)
	return []byte(text + strings.Repeat("#", Size-len(text)))
}

// Decode reads a file as GRUB does and accepts what grub.cfg accepts.
func Decode(b []byte) (bootstate.State, error) {
	rest, ok := strings.CutPrefix(string(b), signature)
	if !ok {
		return bootstate.State{}, errors.New("grubenv: no environment block")
	}
	vars := map[string]string{}
	for _, line := range strings.Split(rest, "\n") {
		if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			vars[name] = value
		}
	}
	said := vars["seq"] + vars["good"] + vars["try"] + vars["left"]
	if said != vars["check"] {
		return bootstate.State{}, fmt.Errorf("grubenv: boot state %q does not match its check value %q", said, vars["check"])
	}
	s, err := bootstate.Parse(said)
	if err != nil {
		return bootstate.State{}, fmt.Errorf("grubenv: %w", err)
	}
	return s, nil
}
