package grubenv

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

//go:embed grub.cfg
var config string

// Config is /grub/grub.cfg of the boot partition. bootstate.Encoding.Boot says the same in Go.
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
