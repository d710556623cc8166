package flash

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/images/iso"
	"github.com/proa-os/proa/images/tree"
)

func TestInto(t *testing.T) {
	image := makeImage(t)
	say := func(o Options) (string, error) {
		var out bytes.Buffer
		err := Into(t.Context(), o, []string{image}, &out)
		return out.String(), err
	}
	if got, err := say(Options{Show: true}); err != nil || got != ownConfig {
		t.Errorf("%q, %v", got, err)
	}
	got, err := say(Options{SSHKey: write600(t, "id.pub", key)})
	if want := image + ": config.yaml: a hostname of its own, 1 SSH key\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	bad := write600(t, "my.yaml", "hostname: edge-1\nk3s:\n  lables: {a: b}\n")
	got, err = say(Options{Config: bad})
	if want := bad + `:3:3: unknown key "lables"; did you mean "labels"?`; err == nil || !strings.Contains(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if got, err := say(Options{Show: true}); err != nil || got != ownConfig+"ssh_authorized_keys:\n  - \""+key+"\"\n" {
		t.Errorf("after a refusal: %q, %v", got, err)
	}
	if _, err := say(Options{Config: bad, Force: true}); err != nil {
		t.Error(err)
	}
	if got, err := say(Options{Show: true}); err != nil || !strings.HasPrefix(got, "hostname: edge-1\n") {
		t.Errorf("after --force: %q, %v", got, err)
	}
	judge(t, image)
}

// padded returns a valid configuration of n bytes.
func padded(n int) string {
	text := "hostname: edge-1\n"
	for line := 1; len(text) < n; line++ {
		text += fmt.Sprintf("# line %d of a comment that makes the file longer than a sector of 512 bytes\n", line)
	}
	return text[:n-1] + "\n"
}

// A real image has clusters of eight sectors, and configurations have any size.
func TestIntoTakesConfigurationsOfAnySize(t *testing.T) {
	b, err := boards.Get("pc")
	if err != nil {
		t.Fatal(err)
	}
	image := makeImageOf(t, b.Layout())
	say := func(o Options) string {
		t.Helper()
		var out bytes.Buffer
		if err := Into(t.Context(), o, []string{image}, &out); err != nil {
			t.Errorf("%v\n%s", err, out.String())
		}
		return out.String()
	}
	keyFile := write600(t, "id.pub", key)
	for _, n := range []int{511, 512, 513, 1000, 2350, 4095, 4096, 4097, 8000, 64 << 10, 2350, 513} {
		text := padded(n)
		say(Options{Config: write600(t, "my.yaml", text)})
		if got := say(Options{Show: true}); got != text {
			t.Errorf("%d bytes: --show has %d", n, len(got))
		}
		say(Options{SSHKey: keyFile})
		if got, want := say(Options{Show: true}), text+"ssh_authorized_keys:\n  - \""+key+"\"\n"; got != want {
			t.Errorf("%d bytes and a key: --show has %d, want %d", n, len(got), len(want))
		}
	}
}

// TestISO: an ISO has its configuration in a file of ISO 9660, and one that another program made has no room for it.
func TestISO(t *testing.T) {
	file := filepath.Join(t.TempDir(), "some.iso")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	some := bytes.Repeat([]byte("some"), 3000)
	s := iso.Spec{Label: "PROA", Seed: "a", When: time.Unix(1_700_000_000, 0), Config: []byte("version: 1\n"), Kernel: tree.Bytes(some), Initrd: tree.Bytes(some),
		Root: tree.Bytes(bytes.Repeat(some, 200)), UEFI: iso.UEFI{SystemdBoot: some, EFIName: "BOOTX64.EFI"}}
	if err := f.Truncate(iso.MaxSize(s)); err != nil {
		t.Fatal(err)
	}
	size, err := iso.Write(f, s, t.TempDir(), nil)
	if err := errors.Join(err, f.Truncate(size)); err != nil {
		t.Fatal(err)
	}
	my := write600(t, "my.yaml", "version: 1\nhostname: quay\n")
	var out bytes.Buffer
	for _, o := range []Options{{Config: my}, {SSHKey: write600(t, "id.pub", key)}, {Show: true}} {
		if err := Into(t.Context(), o, []string{file}, &out); err != nil {
			t.Fatal(err)
		}
	}
	if text := out.String(); !strings.Contains(text, "hostname: quay\nssh_authorized_keys:\n") {
		t.Error(text)
	}
	j, said := on(t, "laptop", file)
	target := garbage(t)
	j.Config = my
	if err := j.run(t.Context(), []string{target}); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if got, err := iso.ReadConfig(bytes.NewReader(content(t, target))); err != nil || string(got) != "version: 1\nhostname: quay\n" {
		t.Errorf("on the stick: %q, %v", got, err)
	}
	if _, err := f.WriteAt(make([]byte, 64<<10), 16*2048+156); err != nil {
		t.Fatal(err)
	}
	if err := Into(t.Context(), Options{Config: my}, []string{file}, &out); err == nil || !strings.Contains(err.Error(), "without room") {
		t.Error(err)
	}
}

// A file that is not a disk image is named by its type, with what to do instead.
func TestIntoSaysWhatAFileIs(t *testing.T) {
	for want, c := range map[string]struct {
		at   int64
		text string
	}{
		"it is a slot file":                      {0, "manifest.json\x00"},
		"unpack it by `zstd -d FILE`":            {0, "\x28\xb5\x2f\xfd"},
		"it is a QCOW2 image":                    {0, "QFI\xfb"},
		"it is a file system and not a whole":    {82, "FAT32   "},
		"it has another kind of partition table": {510, "\x55\xaa"},
		"gpt: ":                                  {512, "EFI PART"},
	} {
		file := filepath.Join(t.TempDir(), "some.img")
		b := make([]byte, 2<<20)
		copy(b[c.at:], c.text)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := Into(t.Context(), Options{Show: true}, []string{file}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), "no boot partition of proa's: ") || !strings.Contains(err.Error(), want) ||
			want != "gpt: " && strings.Contains(err.Error(), "gpt: ") {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

func TestIntoRefuses(t *testing.T) {
	image := makeImage(t)
	config := write600(t, "my.yaml", "hostname: a\n")
	for name, c := range map[string]struct {
		o    Options
		file string
		want string
	}{
		"no file":    {Options{Show: true}, "", "give one image file"},
		"two files":  {Options{Show: true}, "a b", "give one image file"},
		"nothing":    {Options{}, image, "nothing to put in: give --config FILE"},
		"both":       {Options{Show: true, Config: config}, image, "--show prints what is there and puts nothing in"},
		"compressed": {Options{Config: config}, "x.img.zst", "x.img.zst is compressed\nhint: `zstd -d x.img.zst`"},
		"directory":  {Options{Config: config}, t.TempDir(), "is no image file\nhint: on a disk, mount"},
		"no image":   {Options{Config: config}, config, "my.yaml: no boot partition of proa's"},
		"none":       {Options{Show: true}, "/nonexistent.img", "/nonexistent.img: no such file"},
		"empty":      {Options{Config: write600(t, "e.yaml", "")}, image, "e.yaml is empty"},
	} {
		err := Into(t.Context(), c.o, strings.Fields(c.file), &bytes.Buffer{})
		if err == nil || !strings.HasPrefix(err.Error(), "config-into: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}
