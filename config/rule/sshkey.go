package rule

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// keyTypes are the types that OpenSSH generates (ssh-keygen(1)); no current server accepts DSA.
var keyTypes = []string{"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}

// oneLine replaces white space between the parts of a key, including line breaks from YAML or an editor, by single
// spaces. Quoted values of options are not changed.
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

// keyLines splits a block scalar with a whole authorized_keys file into its keys. Any other value is one entry.
func keyLines(s string) (keys []string) {
	for line := range strings.Lines(s) {
		line = strings.TrimFunc(line, Invisible)
		words := unquoted(line, ' ')
		switch i := keyType(words); {
		case line == "" || line[0] == '#':
		case i < 0 || i+1 == len(words):
			return []string{s} // a wrapped key, or something else
		default:
			keys = append(keys, line)
		}
	}
	if keys == nil {
		return []string{s}
	}
	return keys
}

func keyType(words []string) int {
	return slices.IndexFunc(words, func(w string) bool { return slices.Contains(keyTypes, w) })
}

// unquoted splits at sep outside of double quotes; nil if a quote is not closed.
func unquoted(s string, sep rune) (words []string) {
	quoted, start := false, 0
	for i, r := range s + string(sep) {
		quoted = quoted != (r == '"')
		if r != sep || quoted {
			continue
		}
		if i > start {
			words = append(words, s[start:i])
		}
		start = i + 1
	}
	if quoted {
		return nil
	}
	return words
}

// keyOption matches the options before a key's type that the machine's SSH server supports (dropbear 2025.89,
// authorized_keys in dropbear(8)). dropbear refuses a key with any other option, so that from="…" would lock its owner
// out.
var keyOption = regexp.MustCompile(`^((?i:restrict|no-pty|no-port-forwarding|no-agent-forwarding|no-x11-forwarding|no-touch-required|verify-required)` +
	`|command="[^"]+"|permitopen="[^"]+:[0-9]+")$`)

const (
	wantKey     = "a public key such as ssh-ed25519 AAAA…, or where it is: github:NAME, gitlab:NAME, lp:NAME, or a URL that begins with https://"
	wantOptions = "a public key, and before it only options that this machine's SSH server knows, joined by commas without spaces: restrict, no-pty, " +
		"no-port-forwarding, no-agent-forwarding, no-X11-forwarding, no-touch-required, verify-required, command=\"…\", permitopen=\"HOST:PORT\""
	// longestKey is the longest line that dropbear reads (MAX_AUTHKEYS_LINE); it skips longer ones.
	longestKey = 4199
)

// sshKey accepts a key, or where keys are.
func sshKey(s string) string {
	switch {
	case KeyURL(s) != "":
		return ""
	case strings.HasPrefix(s, "http://"):
		return "a URL that begins with https://: who can change what http:// sends would get the machine"
	}
	return publicKey(s)
}

// publicKey accepts options before the type, as in authorized_keys, and requires a body that is a key of that type.
func publicKey(s string) string {
	words := unquoted(s, ' ')
	i := keyType(words)
	switch {
	case strings.Contains(s, "PRIVATE KEY"):
		return "a public key; this is a private key, which must not leave its machine: use the file that ends in .pub"
	case i < 0 || i+1 == len(words):
		return wantKey
	case i > 1 || i == 1 && !keyOptions(words[0]):
		return wantOptions
	case keyType(words[i+1:]) >= 0:
		return "one public key per entry; begin each with a - of its own"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "a public key in one line of text"
	case len(s) > longestKey:
		return fmt.Sprintf("a public key of at most %d bytes, options and comment included", longestKey)
	}
	raw, err := base64.StdEncoding.DecodeString(words[i+1])
	if parts := wireStrings(raw); err != nil || len(parts) < 2 || parts[0] != words[i] {
		return wantKey + "; this one is truncated, or contains a line break or another character"
	} else if !keyBody(parts) {
		return wantKey + "; this one is of the right type, but its numbers are not of that type's size"
	}
	return ""
}

func keyOptions(word string) bool {
	commands := 0
	for _, o := range unquoted(word, ',') {
		if commands += strings.Count(o, "command="); !keyOption.MatchString(o) || commands > 1 {
			return false
		}
	}
	return true
}

// keyBody validates the parts after the type: RFC 4253 (6.6), RFC 5656 (3.1), RFC 8709 (4), and OpenSSH's PROTOCOL.u2f.
// A modulus must have at least 1024 bits, as dropbear requires.
func keyBody(parts []string) bool {
	points := map[string]int{"nistp256": 65, "nistp384": 97, "nistp521": 133}
	switch parts[0] {
	case "ssh-ed25519":
		return len(parts) == 2 && len(parts[1]) == 32
	case "ssh-rsa":
		return len(parts) == 3 && len(strings.TrimLeft(parts[2], "\x00")) >= 128
	case "sk-ssh-ed25519@openssh.com":
		return len(parts) == 3 && len(parts[1]) == 32
	case "sk-ecdsa-sha2-nistp256@openssh.com":
		return len(parts) == 4 && points[parts[1]] == len(parts[2])
	}
	return len(parts) == 3 && points[parts[1]] == len(parts[2]) && strings.HasSuffix(parts[0], parts[1])
}

// wireStrings splits a key's body into its length-prefixed strings (RFC 4251, section 5); nil if it is malformed.
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
