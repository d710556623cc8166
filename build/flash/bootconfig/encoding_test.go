package bootconfig

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestKeyIntoWhatEditorsSave: a key can be added to a document in every encoding that editors save, and the rest of the
// document stays valid.
func TestKeyIntoWhatEditorsSave(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@example.org"
	doc := "# Kötel\nhostname: kiosk-3\n"
	var wide []byte
	for _, u := range utf16.Encode([]rune("\uFEFF" + doc)) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	for name, text := range map[string]string{"UTF-16": string(wide), "UTF-8 with a mark": "\uFEFF" + doc, "Windows": strings.ReplaceAll(doc, "\n", "\r\n")} {
		with, err := Check("config.yaml", []byte(text)).WithKey(key)
		if err != nil || len(with.Problems) > 0 || with.Config.Hostname != "kiosk-3" || !slices.Equal(with.Config.SSHAuthorizedKeys, []string{key}) {
			t.Errorf("%s: %v, %v, %q", name, err, with.Problems, with.Bytes)
		}
	}
}
