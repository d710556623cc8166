// Package grubenv is the boot state of BIOS disks: two grubenv files that take turns, and the grub.cfg that reads them. GRUB has
// no arithmetic and no checksums, therefore the check value is the state said twice: every value has a fixed length, the variables
// come first and the check last in the same order, so a write torn anywhere in the sector leaves the old state, the new one, or
// one that is refused.
//
// It does no input or output. Whoever writes a file on the device writes its first 512 bytes in place,
// and flushes the disk before and after.
package grubenv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/bootstate"
)

const (
	// Size of each of the two files, as GRUB's tools make them; only the first Sector ever changes.
	Size = 1024
	// Sector is what one write changes.
	Sector = 512

	signature = "# GRUB Environment Block\n"
)

// File is the name of file 0 or 1 below the boot partition's /grub.
func File(i int) string { return fmt.Sprintf("env%d", i) }

// Encoding is this package's.
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
		return bootstate.State{}, fmt.Errorf("grubenv: state %q is checked by %q", said, vars["check"])
	}
	s, err := bootstate.Parse(said)
	if err != nil {
		return bootstate.State{}, fmt.Errorf("grubenv: %w", err)
	}
	return s, nil
}
