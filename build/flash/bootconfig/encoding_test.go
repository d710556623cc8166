package bootconfig

import (
	"encoding/binary"
	"os"
	"path/filepath"
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
	bare := "hostname: kiosk-3\n"
	for name, text := range map[string]string{"UTF-16": wide("\uFEFF" + doc), "UTF-16 without a mark": wide(bare), "two documents": doc + "---\n", "its end": doc + "...\n",
		"YAML 1.2": "%YAML 1.2\n---\n" + doc, "JSON": `{"hostname": "kiosk-3"}`, "UTF-8 with a mark": "\uFEFF" + doc, "Windows": strings.ReplaceAll(doc, "\n", "\r\n")} {
		with, err := Check("config.yaml", []byte(text)).WithKey(key)
		if err != nil || len(with.Problems) > 0 || with.Config.Hostname != "kiosk-3" || !slices.Equal(with.Config.SSHAuthorizedKeys, []string{key}) {
			t.Errorf("%s: %v, %v, %q", name, err, with.Problems, with.Bytes)
		}
	}
}

func wide(text string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

// TestPublicKeyFiles: what editors, PowerShell and people make of a .pub file is the key all the same.
func TestPublicKeyFiles(t *testing.T) {
	for name, text := range map[string]string{
		"PowerShell's >": wide("\uFEFF" + oneKey + "\r\n"), "a mark": "\uFEFF" + oneKey, "Windows": oneKey + "\r\n", "tabs": strings.ReplaceAll(oneKey, " ", "\t") + "\n\n",
		"two spaces": strings.ReplaceAll(oneKey, " ", "  "), "a comment": "# mine\n" + oneKey + "\n",
	} {
		file := filepath.Join(t.TempDir(), "key.pub")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := PublicKey(file)
		if err != nil || key != oneKey {
			t.Errorf("%s: %q, %v", name, key, err)
			continue
		}
		if with, err := Check("config.yaml", []byte("version: 1\n")).WithKey(key); err != nil || !slices.Equal(with.Config.SSHAuthorizedKeys, []string{oneKey}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
