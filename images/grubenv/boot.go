package grubenv

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

//go:embed grub.cfg
var config string

// Config returns /grub/grub.cfg of the boot partition. bootstate.Encoding.Boot is its model in Go.
func Config() []byte { return []byte(config) }

// SlotConfig returns /slots/SLOT/grub.cfg, which loads kernel and initrd and does not start them. grub.cfg sets
// $fallback.
func SlotConfig(slot layout.Slot, cmdline string) []byte {
	words := strings.Fields(cmdline)
	for i, w := range words {
		words[i] = quote(w)
	}
	return fmt.Appendf(nil, "linux /%s/%s %s $fallback\ninitrd /%s/%s\n",
		slot.Dir(), layout.KernelFile, strings.Join(words, " "), slot.Dir(), layout.InitrdFile)
}

// quote quotes a word for GRUB's script language; a single quote cannot occur within single quotes.
func quote(word string) string {
	if !strings.ContainsAny(word, "\"'\\$;|&<>{}()[]*?#`~") {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
