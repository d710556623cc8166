package bootconfig

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

const (
	oneKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP one@desk"
	twoKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiQ two@desk"
)

func TestWithKey(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":       {"", "ssh_authorized_keys:\n  - \"" + oneKey + "\"\n"},
		"no list":     {"# mine\n\nhostname:   edge-1", "# mine\n\nhostname:   edge-1\nssh_authorized_keys:\n  - \"" + oneKey + "\"\n"},
		"a list":      {"# mine\nssh_authorized_keys: # all\n  - " + twoKey + "\n", "# mine\nssh_authorized_keys: # all\n  - " + twoKey + "\n  - " + oneKey + "\n"},
		"an empty":    {"ssh_authorized_keys:\nhostname: a\n", "ssh_authorized_keys:\n  - " + oneKey + "\nhostname: a\n"},
		"flow":        {"{hostname: a}\n", "{hostname: a, ssh_authorized_keys: [" + oneKey + "]}\n"},
		"ended":       {"hostname: a\n...\n", "hostname: a\nssh_authorized_keys:\n  - " + oneKey + "\n"},
		"there it is": {"ssh_authorized_keys: ['" + oneKey + "']\n", "ssh_authorized_keys: ['" + oneKey + "']\n"},
		"other fault": {"hostnaem: a\n", "hostnaem: a\nssh_authorized_keys:\n  - \"" + oneKey + "\"\n"},
	} {
		got, err := Check("c", []byte(c.text)).WithKey(oneKey)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, string(got.Bytes)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got, err := Check("c", []byte("ssh_authorized_keys: {a: b}\n")).WithKey(oneKey); err == nil {
		t.Errorf("a key was added to what is no list: %s", got.Bytes)
	}
}

func TestProblemsRefuse(t *testing.T) {
	text := Check("my.yaml", []byte("hostname: a\nhostnaem: b\n"))
	if err := text.Refuse(false); err == nil || !strings.HasPrefix(err.Error(), "my.yaml has 1 problem\n") {
		t.Errorf("%v", err)
	}
	if got := text.Problems[0].String(); !strings.HasPrefix(got, "my.yaml:2:1: ") {
		t.Errorf("%s", got)
	}
	if err := text.Refuse(true); err != nil {
		t.Error(err)
	}
	if got := text.Summary(); got != "a, no SSH key: nobody can log in" {
		t.Error(got)
	}
}

func TestPublicKey(t *testing.T) {
	for text, want := range map[string]string{
		oneKey + "\n": "",
		"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n": "is a private key; give the public one",
		oneKey + "\n" + twoKey + "\n":                 "has more than one key",
		"hello\n":                                     "is no public key: ",
		"":                                            "is no public key: ",
	} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := PublicKey(file)
		if want == "" && (err != nil || key != oneKey) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %q, %v; want %q", text, key, err, want)
		}
	}
}

// spec is no board's layout: neither Find nor Put may depend on a board.
var spec = layout.Spec{FirstLBA: 8192, Align: 4 * layout.MiB, BootSize: fat.MinSize + 2*layout.MiB, RootSize: 4 * layout.MiB}

// image returns a disk image in a file that is larger, like a flashed disk.
func image(t *testing.T, text string) (*os.File, int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk.img"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	size := spec.ImageSize() + 3*layout.MiB
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	contents := disk.Contents{Seed: "x", Boot: []tree.Entry{
		tree.File("config.yaml", 0o644, tree.Bytes([]byte(text))), tree.File("other", 0o644, tree.Bytes([]byte("other"))),
	}}
	if err := disk.Write(f, spec.ImageSize(), table, contents, nil); err != nil {
		t.Fatal(err)
	}
	return f, size
}

func TestPutAndRead(t *testing.T) {
	f, size := image(t, "hostname: before\n")
	long := "hostname: after\n" + strings.Repeat("# comment\n", 3000)
	flushed := 0
	for _, text := range []string{long, "hostname: after\n"} {
		err := Put(f, size, Check("c", []byte(text)), time.Now(), func() error { flushed++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(f, size)
		if err != nil || string(got.Bytes) != text || got.Config.Hostname != "after" {
			t.Fatalf("%d bytes, %v", len(got.Bytes), err)
		}
	}
	if flushed != 2 {
		t.Errorf("flushed %d times", flushed)
	}
	fsck(t, f, size)
}

func fsck(t *testing.T, f *os.File, size int64) {
	t.Helper()
	tool := oracle.Tool(t, "fsck.fat")
	p, err := Find(f, size)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, p.Size)
	if _, err := f.ReadAt(b, p.Start); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "fat.img")
	if err := os.WriteFile(cut, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "-n", cut).CombinedOutput(); err != nil {
		t.Errorf("fsck.fat: %v\n%s", err, out)
	}
}

// lying is a disk that returns other bytes than were written once it was flushed.
type lying struct {
	*os.File
	at int64
	on bool
}

func (l *lying) ReadAt(b []byte, off int64) (int, error) {
	n, err := l.File.ReadAt(b, off)
	if at := l.at - off; l.on && at >= 0 && at < int64(n) {
		b[at] ^= 1
	}
	return n, err
}

func TestPutReadsBack(t *testing.T) {
	f, size := image(t, "hostname: before\n")
	text := Check("c", []byte("hostname: after\n"))
	if err := Put(f, size, text, time.Now(), f.Sync); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, size)
	if _, err := f.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	l := &lying{File: f, at: int64(strings.Index(string(raw), "hostname: after"))}
	err := Put(l, size, text, time.Now(), func() error { l.on = true; return nil })
	if err == nil || !strings.Contains(err.Error(), "is not what was written") {
		t.Errorf("a flipped bit was not seen: %v", err)
	}
	broken := errors.New("no longer there")
	if err := Put(f, size, text, time.Now(), func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestNoBootPartition(t *testing.T) {
	empty := sparse.New(8 * layout.MiB)
	if _, err := Find(empty, 8*layout.MiB); !errors.Is(err, ErrNone) {
		t.Errorf("an empty disk: %v", err)
	}
	f, _ := image(t, "x: 1\n")
	if _, err := Find(f, 20*layout.MiB); !errors.Is(err, ErrNone) {
		t.Errorf("a disk that ends within the partition: %v", err)
	}
}
