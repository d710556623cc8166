package rule

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
)

// keyTypes are those that OpenSSH makes (ssh-keygen(1)); DSA is not taken by any current server.
var keyTypes = []string{"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}

// oneLine puts a single space where YAML or an editor left white space, also a line break, between the parts of a key. What stands in the quotes
// of its options stays.
func oneLine(s string) string {
	var b strings.Builder
	quoted, gap := false, false
	for _, r := range s {
		if !quoted && Invisible(r) {
			gap = true
			continue
		}
		if gap {
			b.WriteByte(' ')
		}
		gap = false
		quoted = quoted != (r == '"')
		b.WriteRune(r)
	}
	return b.String()
}

// sshKey accepts options before the type, as authorized_keys does, and insists on a body that is base64 of that type.
func sshKey(s string) string {
	words := strings.Fields(s)
	i := slices.IndexFunc(words, func(w string) bool { return slices.Contains(keyTypes, w) })
	switch {
	case strings.Contains(s, "PRIVATE KEY"):
		return "a public key; this is a private one, which belongs on no other machine: the file that is meant ends in .pub"
	case i < 0 || i+1 == len(words):
		return wantKey
	case slices.ContainsFunc(words[i+1:], func(w string) bool { return slices.Contains(keyTypes, w) }):
		return "one public key per entry; begin each with a - of its own"
	}
	raw, err := base64.StdEncoding.DecodeString(words[i+1])
	if parts := wireStrings(raw); err != nil || len(parts) < 2 || parts[0] != words[i] {
		return wantKey + "; this one is cut off, or a line break or another character stands within it"
	}
	return ""
}

const wantKey = "a public key such as ssh-ed25519 AAAA… (github:USER and URLs are not fetched by this release)"

// wireStrings takes a key's body apart into strings with their length ahead (RFC 4251, section 5); nil if it does not end with one.
func wireStrings(raw []byte) (out []string) {
	for len(raw) > 0 {
		if len(raw) < 4 || uint64(len(raw)-4) < uint64(binary.BigEndian.Uint32(raw)) {
			return nil
		}
		end := 4 + binary.BigEndian.Uint32(raw)
		out, raw = append(out, string(raw[4:end])), raw[end:]
	}
	return out
}
