package bootfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var errCut = errors.New("power cut")

// place is a directory that records the operations, and fails after let changes.
func place(t *testing.T, let int) (Place, *[]string) {
	t.Helper()
	var did []string
	p := Place{Dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(p.Dir, "config.yaml"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Flush = func(path string) error { return nil }
	p.Change = func(do func() error) error {
		did = append(did, "writable")
		err := do()
		did = append(did, "read-only")
		return err
	}
	p.before = func(what string) error {
		if let == 0 {
			return errCut
		}
		let--
		did = append(did, what)
		return nil
	}
	return p, &did
}

func read(t *testing.T, p Place, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.Dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// TestEveryCut: after a power cut at any change the name has the complete old or the complete new text; and the next
// replacement works with the files that are left.
func TestEveryCut(t *testing.T) {
	for cut := range 9 {
		p, did := place(t, cut)
		err := p.Replace("config.yaml", "config.yaml.good", []byte("new"))
		got, kept := read(t, p, "config.yaml"), read(t, p, "config.yaml.good")
		if cut < 8 && (!errors.Is(err, errCut) || got != "old" && got != "new" || got == "new" && kept != "old") {
			t.Errorf("cut %d: %v, %q, before it %q; %q", cut, err, got, kept, *did)
		}
		if cut == 8 && (err != nil || got != "new" || kept != "old") {
			t.Errorf("whole: %v, %q, %q", err, got, kept)
		}
		left := read(t, p, "CONFIG.T00") // may share its clusters with the renamed file
		p.before = nil
		if err := p.Replace("config.yaml", "config.yaml.good", []byte("newer")); err != nil || read(t, p, "config.yaml") != "newer" || read(t, p, "config.yaml.good") != got {
			t.Errorf("after cut %d: %v, %q", cut, err, read(t, p, "config.yaml"))
		}
		if now := read(t, p, "CONFIG.T00"); left != "" && now != left {
			t.Errorf("after cut %d: what it left was written to: %q", cut, now)
		}
	}
}

// TestOrder: the content is flushed before the rename, and the partition is writable only as long as necessary.
func TestOrder(t *testing.T) {
	p, did := place(t, 100)
	if err := p.Replace("config.yaml", "config.yaml.good", []byte("new")); err != nil {
		t.Fatal(err)
	}
	put := func(name string) []string {
		return []string{"write CONFIG.T00", "flush CONFIG.T00", "rename to " + name, "flush directory"}
	}
	want := slices.Concat([]string{"writable"}, put("config.yaml.good"), put("config.yaml"), []string{"read-only"})
	if !slices.Equal(*did, want) {
		t.Errorf("%q", *did)
	}
}

// TestFull: on a full partition nothing changes.
func TestFull(t *testing.T) {
	p, _ := place(t, 100)
	p.Flush = func(path string) error {
		if strings.Contains(path, "CONFIG") {
			return errors.New("no space left on device")
		}
		return nil
	}
	if err := p.Replace("config.yaml", "config.yaml.good", []byte("new")); err == nil || read(t, p, "config.yaml") != "old" {
		t.Errorf("%v, %q", err, read(t, p, "config.yaml"))
	}
	if list, _ := os.ReadDir(p.Dir); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}
