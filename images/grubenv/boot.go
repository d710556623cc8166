package grubenv

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

//go:embed grub.cfg
var config string

// Config is /grub/grub.cfg of the boot partition. Boot says the same in Go.
func Config() []byte { return []byte(config) }

// SlotConfig is /slots/SLOT/grub.cfg: it loads and does not start. grub.cfg sets $fallback.
func SlotConfig(slot layout.Slot, cmdline string) []byte {
	words := strings.Fields(cmdline)
	for i, w := range words {
		words[i] = quote(w)
	}
	return fmt.Appendf(nil, "linux /slots/%[1]s/vmlinuz %[2]s $fallback\ninitrd /slots/%[1]s/initrd\n", slot, strings.Join(words, " "))
}

// quote keeps GRUB's script language off a word; a single quote cannot stand within single quotes.
func quote(word string) string {
	if !strings.ContainsAny(word, "\"'\\$;|&<>{}()[]*?#`~") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Choice is what GRUB does in one boot.
type Choice struct {
	Write int     // file that Next is written to first; -1: none
	Next  State   //
	Start []Start // in this order, until one can be loaded
}

// Start is one attempt to load a slot.
type Start struct {
	Slot     layout.Slot
	Fallback string // value of proa.fallback on its command line: which slot did not come up, after how many tries
}

// Boot is the model of grub.cfg. canWrite says whether save_env works.
func Boot(env0, env1 []byte, canWrite bool) Choice {
	s, file, err := Choose(env0, env1)
	if err != nil {
		return Choice{Write: -1, Start: []Start{{layout.A, ""}, {layout.B, ""}}}
	}
	c := Choice{Write: -1}
	tried := 0
	if s.Try != layout.Shared && s.Left > 0 {
		tried = MaxTries - s.Left
		if canWrite {
			c.Write, c.Next = file, s.Started()
		}
		if canWrite || s.Good == layout.Shared {
			c.Start = append(c.Start, Start{s.Try, ""})
		}
	} else if s.Try != layout.Shared {
		tried = MaxTries
	}
	c.Start = append(c.Start, rest(s, tried)...)
	return c
}

// rest is what is started when the slot under trial is not, or cannot be loaded: the good slot, then
// whatever has files.
func rest(s State, tried int) (starts []Start) {
	order := []layout.Slot{s.Good, s.Try.Other(), s.Try, layout.A, layout.B}
	for _, slot := range order {
		if slot == layout.Shared {
			continue
		}
		fallback := ""
		if s.Try != layout.Shared && slot != s.Try {
			fallback = fmt.Sprintf("%s:%d", s.Try, tried)
		}
		starts = append(starts, Start{slot, fallback})
	}
	return starts
}
