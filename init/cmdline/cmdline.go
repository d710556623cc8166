// Package cmdline parses proa's own keys on the kernel command line. The configuration there is parsed by config, and
// all other keys by the kernel. It refuses invalid values.
package cmdline

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Line is the part of the command line that describes the machine.
type Line struct {
	Mode     string // disk or live
	Slot     string // a or b; empty when live
	RootHash string
	RootSize int64
	Board    string
	Medium   string // live: label of the ISO file system
	Fallback string // SLOT:TRIES of a failed trial, set by the boot loader
	Raw      string
}

// Parse parses the text of /proc/cmdline.
func Parse(raw string) (Line, error) {
	l := Line{Raw: strings.TrimSpace(raw)}
	values := map[string]string{}
	for _, word := range strings.Fields(raw) {
		if key, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(key, "proa.") {
			values[key] = value
		}
	}
	l.Mode, l.Slot, l.Board = values["proa.mode"], values["proa.slot"], values["proa.board"]
	l.Fallback = values["proa.fallback"]
	l.RootHash, l.Medium = values["proa.roothash"], values["proa.medium"]
	return l, l.check(values["proa.rootsize"])
}

func (l *Line) check(size string) error {
	if l.Mode != "disk" && l.Mode != "live" {
		return fmt.Errorf("proa.mode=%q: want disk or live", l.Mode)
	}
	if raw, err := hex.DecodeString(l.RootHash); err != nil || len(raw) != 32 {
		return fmt.Errorf("proa.roothash=%q: want 64 hex digits", l.RootHash)
	}
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n <= 0 || n%4096 != 0 {
		return fmt.Errorf("proa.rootsize=%q: want a multiple of 4096", size)
	}
	l.RootSize = n
	if l.Mode == "disk" && l.Slot != "a" && l.Slot != "b" {
		return fmt.Errorf("proa.slot=%q: want a or b", l.Slot)
	}
	if l.Mode == "live" && l.Medium == "" {
		return fmt.Errorf("proa.medium is empty: the live medium is found by its label")
	}
	return nil
}
