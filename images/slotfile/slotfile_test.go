package slotfile

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
)

// contents is a small slot with a real verity tree.
func contents(t testing.TB) Contents {
	t.Helper()
	image := bytes.Repeat([]byte("proa"), 3*verity.BlockSize/4)
	var root bytes.Buffer
	root.Write(image)
	hash, err := verity.Write(&root, bytes.NewReader(image), int64(len(image)), nil, [16]byte{})
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) tree.Entry { return tree.File(name, 0o600, tree.Bytes([]byte(text))) }
	return Contents{Board: "pc", Version: "v1.2", Cmdline: "quiet proa.mode=disk", Image: int64(len(image)), Hash: hex.EncodeToString(hash),
		Root: tree.Bytes(root.Bytes()), Sign: signed,
		Files: []tree.Entry{file("boot-b/grub.cfg", "b"), file("boot/vmlinuz", "kernel"), file("boot-a/grub.cfg", "a"), file("boot/dtb/x.dtb", strings.Repeat("d", 513)), file("boot/initrd", "")}}
}

// signed signs by the one key of these tests.
func signed(manifest []byte) ([]byte, error) {
	return slotsig.Sign(manifest, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
}

func encode(t testing.TB, c Contents) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, c, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read returns what is in a slot file, as "name: content".
func read(b io.Reader) (out []string, err error) {
	r, err := NewReader(b)
	if err != nil {
		return nil, err
	}
	for {
		e, err := r.Next()
		if e == nil || err != nil {
			return out, err
		}
		text, err := io.ReadAll(e)
		if err != nil {
			return out, err
		}
		out = append(out, e.Name+": "+string(text))
	}
}

func want(t testing.TB) (list []string) {
	t.Helper()
	for _, e := range contents(t).entries() {
		text, err := e.Content.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Path+": "+string(text))
	}
	return list
}

func TestReadsWhatItWrites(t *testing.T) {
	b := encode(t, contents(t))
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader(b), "by bytes": iotest.OneByteReader(bytes.NewReader(b)), "error with data": iotest.DataErrReader(bytes.NewReader(b))} {
		got, err := read(r)
		if d := cmp.Diff(want(t), got); d != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
	if !bytes.Equal(b, encode(t, contents(t))) {
		t.Error("other bytes the second time")
	}
}

// TestIsTar: archive/tar reads a slot file, so other tar programs do too.
func TestIsTar(t *testing.T) {
	r := tar.NewReader(bytes.NewReader(encode(t, contents(t))))
	var names []string
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Format != tar.FormatUSTAR || h.Typeflag != tar.TypeReg || h.Mode != 0o600 {
			t.Errorf("%+v", h)
		}
		names = append(names, h.Name)
	}
	want := []string{"manifest.json", "manifest.sig", "boot/dtb/x.dtb", "boot/initrd", "boot/vmlinuz", "boot-a/grub.cfg", "boot-b/grub.cfg", "root.img"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
}

// TestSkipped: the checksum of an entry is verified even if the caller does not read the entry.
func TestSkipped(t *testing.T) {
	b := encode(t, contents(t))
	at := bytes.Index(b, []byte("kernel"))
	b[at]++
	r, err := NewReader(bytes.NewReader(b))
	for err == nil {
		var e *Entry
		if e, err = r.Next(); e == nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "boot/vmlinuz") {
		t.Errorf("%v", err)
	}
}

func TestEveryDamagedByteAndEveryCutIsRefused(t *testing.T) {
	b := encode(t, contents(t))
	text := bytes.Index(b, []byte("{"))
	sig := bytes.Index(b, []byte(slotsig.Name)) + block
	root := len(b) - trailer - int(contents(t).Root.Size)
	for i := range b {
		if i >= text && i < bytes.IndexByte(b[text:], 0)+text {
			continue // changes of the manifest's own values can be detected by a signature only
		}
		if i >= sig && i < bytes.IndexByte(b[sig:], 0)+sig {
			continue // and those of a signature by keys only
		}
		if i > root && i < len(b)-trailer && i%257 != 0 {
			continue // one digit of a checksum, tested above as a whole
		}
		c := slices.Clone(b)
		c[i] ^= 0x20
		if _, err := read(bytes.NewReader(c)); err == nil {
			t.Fatalf("byte %d was changed and nobody noticed", i)
		}
	}
	for i := 0; i < len(b); i += 7 {
		if _, err := read(bytes.NewReader(b[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut after %d bytes: %v", i, err)
		}
	}
	if _, err := read(bytes.NewReader(append(b, 0))); err == nil || !strings.Contains(err.Error(), "after the end of the archive") {
		t.Errorf("trailing data: %v", err)
	}
}

func TestManifestsThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(m *Manifest){
		"a newer format":     func(m *Manifest) { m.Format = Format + 1 },
		"an older format":    func(m *Manifest) { m.Format = Format - 1 },
		"no board":           func(m *Manifest) { m.Board = "" },
		"no layout":          func(m *Manifest) { m.Layout = 0 },
		"two lines":          func(m *Manifest) { m.Cmdline = "a\nb" },
		"names its slot":     func(m *Manifest) { m.Cmdline += " proa.slot=a" },
		"short hash":         func(m *Manifest) { m.Root.Hash = "ab" },
		"no tree":            func(m *Manifest) { m.Root.Image = m.Root.Size },
		"odd image":          func(m *Manifest) { m.Root.Image-- },
		"no root":            func(m *Manifest) { m.Files = m.Files[:5] },
		"root of other size": func(m *Manifest) { m.Files[5].Size += verity.BlockSize },
		"twice":              func(m *Manifest) { m.Files[1] = m.Files[0] },
		"order":              func(m *Manifest) { m.Files[1], m.Files[2] = m.Files[2], m.Files[1] },
		"absolute":           func(m *Manifest) { m.Files[0].Name = "/boot/x" },
		"leaving":            func(m *Manifest) { m.Files[0].Name = "boot/../../x" },
		"elsewhere":          func(m *Manifest) { m.Files[0].Name = "a/x" },
		"the directory":      func(m *Manifest) { m.Files[0].Name = "boot" },
		"FAT's other case":   func(m *Manifest) { m.Files[0].Name, m.Files[1].Name = "boot/INITRD", "boot/initrd" },
		"file as directory":  func(m *Manifest) { m.Files[0].Name, m.Files[1].Name = "boot/initrd", "boot/initrd/x" },
		"both kinds":         func(m *Manifest) { m.Files[2].Name = "boot/xgrub.cfg"; m.Files[3].Name = "boot-a/xgrub.cfg" },
		"the manifest":       func(m *Manifest) { m.Files[0].Name = "boot/Manifest.json" },
		"the signatures":     func(m *Manifest) { m.Files[0].Name = "boot/Manifest.sig" },
		"the mark":           func(m *Manifest) { m.Files[0].Name = "boot/Proved" },
		"half written":       func(m *Manifest) { m.Files[0].Name = "boot/a.tmp" },
		"FAT's dot":          func(m *Manifest) { m.Files[0].Name = "boot/a." },
		"large script":       func(m *Manifest) { m.Files[3].Size = MaxScript + 1 },
		"negative":           func(m *Manifest) { m.Files[0].Size = -1 },
		"no digest":          func(m *Manifest) { m.Files[0].SHA256 = "" },
		"upper case digest":  func(m *Manifest) { m.Files[0].SHA256 = strings.Repeat("A", 64) },
	} {
		m, err := NewManifest(contents(t))
		if err != nil {
			t.Fatal(err)
		}
		m.Files = slices.Clone(m.Files)
		change(&m)
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseManifest(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	m, _ := NewManifest(contents(t))
	b, _ := m.Encode()
	for name, text := range map[string]string{
		"unknown key": strings.Replace(string(b), "{", "{\n  \"encrypted\": true,", 1), "other spaces": strings.TrimSpace(string(b)), "not JSON": "{", "empty": "",
	} {
		if _, err := ParseManifest([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestSignatures: the second entry is what the signer made of the manifest's bytes, also if it is empty.
func TestSignatures(t *testing.T) {
	c := contents(t)
	r, err := NewReader(bytes.NewReader(encode(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := slotsig.KeyOf(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := slotsig.NewKeys(1, false, key)
	if err = errors.Join(err, keys.Verify(r.Raw, r.Sig)); err != nil {
		t.Error(err)
	}
	c.Sign = nil
	if r, err = NewReader(bytes.NewReader(encode(t, c))); err != nil || !bytes.Equal(r.Sig, slotsig.Unsigned()) {
		t.Errorf("unsigned: %v", err)
	}
}

// TestOldFormat: a slot file that was made before slots were signed, and one without its second entry.
func TestOldFormat(t *testing.T) {
	b := encode(t, contents(t))
	old := bytes.Replace(b, []byte(`"format": 2`), []byte(`"format": 1`), 1)
	if _, err := NewReader(bytes.NewReader(old)); err == nil || !strings.Contains(err.Error(), "of an older proa, which signed no slots") {
		t.Error(err)
	}
	at := bytes.Index(b, []byte(slotsig.Name))
	next := bytes.Index(b, []byte("boot/dtb/x.dtb\x00"))
	if _, err := NewReader(bytes.NewReader(append(b[:at:at], b[next:]...))); err == nil || !strings.Contains(err.Error(), "manifest.sig does not follow") {
		t.Error(err)
	}
}

func TestWriterRefuses(t *testing.T) {
	c := contents(t)
	c.Sign = func([]byte) ([]byte, error) { return []byte("{}"), nil }
	if err := Write(io.Discard, c, nil); err == nil {
		t.Error("signatures that no reader accepts were written")
	}
	c.Sign = func([]byte) ([]byte, error) { return nil, io.ErrClosedPipe }
	if err := Write(io.Discard, c, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	c = contents(t)
	c.Files = append(c.Files, tree.File("boot/../x", 0o600, tree.Bytes(nil)))
	if err := Write(io.Discard, c, nil); err == nil {
		t.Error("a name that leaves the slot was written")
	}
}

func TestFor(t *testing.T) {
	for name, want := range map[string]string{"boot/a/b": "a:a/b b:a/b ", "boot-a/x": "a:x ", "boot-b/x": "b:x ", "root.img": ""} {
		got := ""
		for _, s := range layout.Slots() {
			if n, ok := (File{Name: name}).For(s); ok {
				got += string(s) + ":" + n + " "
			}
		}
		if got != want || (File{Name: name}).Script() != strings.HasPrefix(name, "boot-") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestMemory: 64 MiB are read without being kept in memory.
func TestMemory(t *testing.T) {
	c := contents(t)
	c.Root = tree.Content{Size: 64 << 20, Open: func() (io.ReadCloser, error) { return io.NopCloser(io.LimitReader(zero{}, 64<<20)), nil }}
	r, w := io.Pipe()
	go func() { w.CloseWithError(Write(w, c, nil)) }()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := NewReader(r)
	for err == nil {
		var e *Entry
		if e, err = f.Next(); e == nil {
			break
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; err != nil || got > 4<<20 {
		t.Errorf("%v; %d bytes allocated", err, got)
	}
}

type zero struct{}

func (zero) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// FuzzRead: no input makes the reader panic, and it accepts only what the writer would have written.
func FuzzRead(f *testing.F) {
	b := encode(f, contents(f))
	f.Add(b)
	f.Add(b[:700])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		c := Contents{Board: r.Manifest.Board, Version: r.Manifest.Version, Cmdline: r.Manifest.Cmdline, Image: r.Manifest.Root.Image, Hash: r.Manifest.Root.Hash,
			Sign: func([]byte) ([]byte, error) { return r.Sig, nil }}
		for {
			e, err := r.Next()
			if err != nil {
				return
			}
			if e == nil {
				break
			}
			text, err := io.ReadAll(e)
			if err != nil {
				return
			}
			if e.Name == RootName {
				c.Root = tree.Bytes(text)
			} else {
				c.Files = append(c.Files, tree.File(e.Name, 0o600, tree.Bytes(text)))
			}
		}
		if r.Manifest.Layout == layout.Version && !bytes.Equal(encode(t, c), b) {
			t.Error("accepted what would not have been written")
		}
	})
}

// FuzzManifest fuzzes the parser directly, which FuzzRead rarely reaches because of the checksums in front of it.
func FuzzManifest(f *testing.F) {
	m, err := NewManifest(contents(f))
	if err != nil {
		f.Fatal(err)
	}
	b, _ := m.Encode()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		for _, file := range m.Files {
			for _, s := range layout.Slots() {
				if name, ok := file.For(s); ok && (name == "" || strings.Contains(name, "..") || name[0] == '/') {
					t.Errorf("%q becomes %q", file.Name, name)
				}
			}
		}
	})
}
