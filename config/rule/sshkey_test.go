package rule

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
)

// wire returns a key's line: its type, and the parts of its body (RFC 4251, section 5).
func wire(parts ...string) string {
	var raw []byte
	for _, p := range parts {
		raw = append(binary.BigEndian.AppendUint32(raw, uint32(len(p))), p...)
	}
	return parts[0] + " " + base64.StdEncoding.EncodeToString(raw)
}

func zeros(n int) string { return strings.Repeat("\x01", n) }

var sound = wire("ssh-ed25519", zeros(32))

// TestKeyTypes: a body whose size does not match its type is not a key.
func TestKeyTypes(t *testing.T) {
	for line, ok := range map[string]bool{
		sound: true, wire("ssh-rsa", "\x01\x00\x01", "\x00"+zeros(256)): true, wire("ecdsa-sha2-nistp256", "nistp256", zeros(65)): true,
		wire("ecdsa-sha2-nistp521", "nistp521", zeros(133)): true, wire("sk-ssh-ed25519@openssh.com", zeros(32), "ssh:"): true,
		wire("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", zeros(65), "ssh:"): true, sound + " Jürgen's  laptop": true,
		wire("ssh-ed25519", zeros(31)): false, wire("ssh-rsa", "\x01\x00\x01"): false, wire("ssh-rsa", "\x01\x00\x01", zeros(64)): false,
		wire("ecdsa-sha2-nistp256", "nistp384", zeros(97)): false, wire("ecdsa-sha2-nistp256", "nistp256", zeros(64)): false,
		wire("ssh-dss", zeros(129)): false, wire("ssh-ed25519-cert-v01@openssh.com", zeros(32)): false, sound + "\x00": false,
		(sound + " " + strings.Repeat("x", 5000))[:4199]: true, (sound + " " + strings.Repeat("x", 5000))[:4200]: false,
	} {
		if want := sshKey(line); (want == "") != ok {
			t.Errorf("%.80q: %q", line, want)
		}
	}
}

// keyHeads are prefixes of a key, and whether dropbear accepts the key with it; TestKeysOpenTheDoor of init/service
// tests that.
var keyHeads = map[string]bool{
	"restrict ": true, "NO-PTY ": true, `no-pty,command="echo a, b" `: true, `command="ssh-rsa x" `: true, `permitopen="*:80",restrict `: true,
	`from="10.0.0.0/8" `: false, `environment="A=b" `: false, `expiry-time="20300101" `: false, "restrict,pty ": false, "cert-authority ": false,
	"no-pty, restrict ": false, `command="a `: false, `command="a \"b\"" `: false, `command="a",command="b" `: false, `permitopen="host" `: false, "# ": false, "- ": false, "host ": false,
}

func TestKeyOptions(t *testing.T) {
	for head, ok := range keyHeads {
		if want := sshKey(oneLine(head + sound)); (want == "") != ok {
			t.Errorf("%s: %q", head, want)
		}
	}
}

// TestKeyLines: an authorized_keys file in one entry gives each of its keys; a wrapped key is one key.
func TestKeyLines(t *testing.T) {
	body := strings.Fields(sound)[1]
	for text, want := range map[string]int{
		sound + "\n" + sound + "\r\n": 2, "# mine\n" + sound + "\n\n# hers\nno-pty " + sound: 2, "ssh-ed25519\n" + body: 1, "ssh-ed25519 " + body[:9] + "\n" + body[9:]: 1,
		"-----BEGIN OPENSSH PRIVATE KEY-----\n" + body: 1, "": 1, "# nothing": 1,
	} {
		if got := keyLines(text); len(got) != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestKeySources: what is fetched, and from where.
func TestKeySources(t *testing.T) {
	for entry, url := range map[string]string{
		"github:ada": "https://github.com/ada.keys", "gh:ada-l": "https://github.com/ada-l.keys", "GitHub:Ada_corp": "https://github.com/Ada_corp.keys",
		"gitlab:a.b": "https://gitlab.com/a.b.keys", "lp:ada": "https://launchpad.net/~ada/+sshkeys", "https://example.org:8443/k?t=1": "https://example.org:8443/k?t=1",
		"github:": "", "github:a/b": "", "github:../x": "", "github:a b": "", "gitlab:a?b": "", "lp:a/..": "", "sourcehut:ada": "", "http://example.org/k": "",
		"https://": "", "https://me:pw@example.org/": "", "https://example.org/#x": "", "https://example.org/a b": "", "ftp://example.org/k": "", "file:///etc/shadow": "",
	} {
		if got := KeyURL(entry); got != url {
			t.Errorf("%s: %q, want %q", entry, got, url)
		}
		if want := sshKey(entry); (want == "") != (url != "") {
			t.Errorf("%s: %q", entry, want)
		}
	}
}

// TestFetchedKeys: of what a server sends only keys are taken, each once; not a source of further keys.
func TestFetchedKeys(t *testing.T) {
	other := wire("ssh-rsa", "\x01\x00\x01", "\x00"+zeros(256))
	text := "# keys of ada\n" + sound + "\r\n\n" + wire("ssh-dss", zeros(129)) + "\ngithub:eva\nhttps://example.org/\n" + other + " a comment\n" + sound + "\n<html>\n"
	if got := Keys(text); len(got) != 2 || got[0] != sound || got[1] != other+" a comment" {
		t.Errorf("%q", got)
	}
	for _, text := range []string{"", "<!DOCTYPE html>", "\x1f\x8b\x08", sound + " \xff\n", strings.Repeat("x", 1<<18)} {
		if got := Keys(text); got != nil {
			t.Errorf("%.20q: %q", text, got)
		}
	}
}
