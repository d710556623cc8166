package userdata_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/foreigntest/cputime"
	"github.com/proa-os/proa/config/foreign/userdata"
)

const (
	key   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP one@example.org"
	plain = "#cloud-config\nhostname: box\nssh_authorized_keys:\n- " + key + "\n"
)

// mail is user data as cloud-init's make-mime writes it.
const mail = `Content-Type: multipart/mixed; boundary="==a=="
MIME-Version: 1.0
Number-Attachments: 4

--==a==
Content-Type: text/cloud-config; charset="us-ascii"
MIME-Version: 1.0
Content-Transfer-Encoding: 7bit
Content-Disposition: attachment; filename="a.cfg"

#cloud-config
hostname: box
runcmd: [uptime]
ssh_pwauth: maybe

--==a==
Content-Type: text/x-shellscript
Content-Transfer-Encoding: base64

IyEvYmluL3NoCmVjaG8gb25jZQo=

--==a==
Content-Type: text/x-shellscript-per-boot
Content-Transfer-Encoding: quoted-printable

#!/bin/sh
echo a=3Db

--==a==
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/cloud-boothook

#cloud-boothook
#!/bin/sh
echo hook
--b
Content-Type: text/plain

#cloud-config
ssh_authorized_keys: [` + key + `]
runcmd: [ls]
--b--
--==a==--
`

func zipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

// load returns the configuration, its errors and its notes.
func load(text []byte) (c *config.Config, errors, notes string) {
	l := config.Load(config.Document("meta-data", []byte("instance-id: i-1\nname: box\n")), config.Document("user-data", text))
	for _, p := range l.Problems {
		if p.Note {
			notes += p.String() + "\n"
		} else {
			errors += p.String() + "\n"
		}
	}
	return l.Config, errors, notes
}

// TestPacked: however a document is packed, it says the same.
func TestPacked(t *testing.T) {
	coded := base64.StdEncoding.EncodeToString
	for name, text := range map[string][]byte{
		"gzip":          zipped(plain),
		"base64":        []byte(coded([]byte(plain))),
		"gzip, base64":  []byte(coded(zipped(plain)) + "\n"),
		"twice":         zipped(string(zipped(plain))),
		"CRLF":          zipped(strings.ReplaceAll(plain, "\n", "\r\n")),
		"template":      []byte("## template: jinja\n" + strings.Replace(plain, "box", "{{ ds.meta_data.name }}", 1)),
		"mail":          []byte("MIME-Version: 1.0\nContent-Type: text/cloud-config\n\n" + plain),
		"folded head":   []byte("Content-Type: multipart/mixed;\n boundary=\"x\"\n\n--x\nContent-Type: text/cloud-config\n\n" + plain + "\n--x--\n"),
		"no end":        []byte("Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n" + plain),
		"archive":       []byte("#cloud-config-archive\n- |\n  " + strings.ReplaceAll(plain, "\n", "\n  ") + "\n"),
		"typed archive": []byte("#cloud-config-archive\n- type: text/cloud-config\n  content: |\n    " + strings.ReplaceAll(plain[14:], "\n", "\n    ") + "\n"),
	} {
		c, errors, notes := load(text)
		if c.Hostname != "box" || len(c.SSHAuthorizedKeys) != 1 || errors+notes != "" {
			t.Errorf("%s: %q %q\n%s%s", name, c.Hostname, c.SSHAuthorizedKeys, errors, notes)
		}
	}
}

// TestMail: all parts count, each in its place, and problems have the line of the whole text.
func TestMail(t *testing.T) {
	c, errors, _ := load([]byte(mail))
	if c.Hostname != "box" || len(c.SSHAuthorizedKeys) != 1 || len(c.BootCmd) != 1 || len(c.RunCmd) != 1 || len(c.FirstRunCmd) != 3 {
		t.Errorf("%+v", c)
	}
	for i, want := range []string{"echo once", "uptime", "ls"} {
		if !strings.Contains(c.FirstRunCmd[i], want) {
			t.Errorf("%d: %q lacks %q", i, c.FirstRunCmd[i], want)
		}
	}
	if !strings.Contains(c.RunCmd[0], "echo a=b") || strings.Contains(c.BootCmd[0], "#cloud-boothook") {
		t.Errorf("%q %q", c.RunCmd, c.BootCmd)
	}
	if line := fmt.Sprintf("user-data:%d:", strings.Count(mail[:strings.Index(mail, "maybe")], "\n")+1); !strings.HasPrefix(errors, line) || strings.Count(errors, "\n") != 1 {
		t.Errorf("want one error at %s: %s", line, errors)
	}
}

func TestScripts(t *testing.T) {
	for name, c := range map[string]struct{ text, run, note string }{
		"sh":     {"#!/bin/sh -e\necho hi\n", "echo hi", ""},
		"bash":   {"#!/usr/bin/env bash\necho hi\n", "echo hi", "run by sh"},
		"python": {"#!/usr/bin/python3\nprint(1)\n", "", "not run"},
		"k3s":    {"#!/bin/bash\n\ncurl -sfL https://get.k3s.io | K3S_TOKEN=x sh -s - \\\n  --disable traefik\n", "", "not installed"},
		"mixed":  {"#!/bin/sh\necho a \\\n  b\ncurl -sfL https://get.k3s.io | sh -\n", "echo a \\\n  b", "not installed"},
		"jinja":  {"## template: jinja\n#!/bin/sh\necho {{ v1.nope }}\n", "", "instance data"},
	} {
		got, errors, notes := load([]byte(c.text))
		if run := strings.Join(got.FirstRunCmd, ""); !strings.Contains(run, c.run) || (run == "") != (c.run == "") || errors != "" || !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s: %q\n%s%s", name, got.FirstRunCmd, errors, notes)
		}
	}
	if c, _, _ := load([]byte("#!/bin/sh\ncurl -sfL https://get.k3s.io | K3S_TOKEN=x sh -s - \\\n  --disable traefik\n")); c.K3s.Token != "x" || len(c.K3s.Args) != 1 {
		t.Errorf("%+v", c.K3s)
	}
}

// TestNamed: what has no effect is named, and is no error.
func TestNamed(t *testing.T) {
	for text, want := range map[string]string{
		"#include\nhttps://example.org/a\n":                  "not fetched",
		"#include-once\nhttps://example.org/a\n":             "not fetched",
		"#cloud-config-jsonp\n[{\"op\": \"add\"}]\n":         "JSON patch",
		"#part-handler\ndef list_types(): pass\n":            "not run",
		"#upstart-job\nstart on x\n":                         "Upstart",
		"#cloud-config-archive\n- {type: x/y, content: z}\n": "not known",
	} {
		if _, errors, notes := load([]byte(text)); errors != "" || !strings.Contains(notes, want) {
			t.Errorf("%q: %s%s", text, errors, notes)
		}
	}
}

// TestMissingData: values whose template has no data are left out and named; the others count.
func TestMissingData(t *testing.T) {
	c, errors, notes := load([]byte("## template: jinja\n#cloud-config\nhostname: a-{{ v1.id }}\ntimezone: UTC\nntp: {servers: [a.example.org, '{{ x }}']}\nfinal_message: {{ a b }}\n"))
	if c.Hostname != "" || c.Timezone != "UTC" || len(c.NTP.Servers) != 1 || errors != "" || strings.Count(notes, "left out") != 4 || !strings.HasPrefix(notes, "user-data:6:1: note: template") {
		t.Errorf("%+v %s%s", c, errors, notes)
	}
}

func TestBroken(t *testing.T) {
	for text, want := range map[string]string{
		"\x1f\x8b\x08garbage": "gzip that is damaged",
		"Content-Type: multipart/mixed\nMIME-Version: 1.0\n\nx\n":       "without a boundary",
		"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n***\n": "not in the encoding",
		"#cloud-config-archive\na: b\n":                                 "no list in YAML",
		"#cloud-config-archive\n- [a]\n":                                "without text",
		"Content-Type: multipart/mixed; boundary=x\n\n--x\n\n#cloud-config\n- a\n--x\n\n#cloud-config\nhostname: box\n--x--\n": "want key: value pairs",
	} {
		if _, errors, _ := load([]byte(text)); !strings.Contains(errors, want) {
			t.Errorf("%q: %s", text, errors)
		}
	}
}

// TestBombs: a small text that unpacks to a large one, or to many.
func TestBombs(t *testing.T) {
	nest := "#cloud-config\nhostname: box\n"
	for i := range 40 {
		nest = fmt.Sprintf("Content-Type: multipart/mixed; boundary=x%d\n\n--x%d\n%s\n--x%d--\n", i, i, nest, i)
	}
	same := zipped(strings.Repeat("#\n", 1<<19))
	for name, text := range map[string][]byte{
		"large":  zipped(strings.Repeat("\x00", 32<<20)),
		"nested": []byte(nest),
		"many":   []byte("Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\n\n#cloud-config\n\n", 30000)),
		"chain":  zipped(string(zipped(string(zipped(string(zipped(string(zipped(string(zipped(string(zipped(string(zipped(string(zipped(string(zipped(string(zipped(string(zipped(plain))))))))))))))))))))))),
		"copies": []byte("Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("--x\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString(same)+"\n", 200)),
		"lines":  []byte("Content-Type: multipart/mixed; boundary=x\n\n" + strings.Repeat("\n", 900<<10) + strings.Repeat("--x\n\n#a\n", 100)),
	} {
		errors := ""
		if d := cputime.Of(t, func() { _, errors, _ = load(text) }); d > 20*time.Second || !strings.Contains(errors, "more than") && !strings.Contains(errors, "larger than") {
			t.Errorf("%s: %s: %.300s", name, d, errors)
		}
	}
}

// TestDocumentsAreNone: a document is not taken for something packed.
func TestDocumentsAreNone(t *testing.T) {
	for _, text := range []string{plain, "version: 1\n", "", "\n", "hostname: box\n", "network:\n  version: 2\n", "# a comment\nhostname: box\n", "QUJDREVGR0hJSktMTU5PUA==\n"} {
		if userdata.Is([]byte(text)) {
			t.Errorf("%q", text)
		}
	}
}

func FuzzParts(f *testing.F) {
	for _, seed := range []string{mail, plain, "## template: jinja\n" + plain, "#cloud-config-archive\n- a\n", string(zipped(plain)), "#!/bin/sh\ncurl https://get.k3s.io | sh\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, text []byte) { userdata.Parts(draft.New(), text, nil) })
}
