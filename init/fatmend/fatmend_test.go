package fatmend

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// TestMend: what is behind the end of a directory is removed and told once; a device without a FAT is told, and one that is
// not there is left to whoever mounts it.
func TestMend(t *testing.T) {
	var said []string
	mend := func(device string) string {
		said = nil
		Mend(device, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) })
		return strings.Join(said, "\n")
	}
	dir := t.TempDir()
	if got := mend(filepath.Join(dir, "none")); got != "" {
		t.Errorf("of a device that is missing: %s", got)
	}
	device := filepath.Join(dir, "sda1")
	if err := os.WriteFile(device, make([]byte, fat.MinSize), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := mend(device); got != device+": no FAT32 with sectors of 512 bytes" {
		t.Errorf("without a file system: %s", got)
	}
	f, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	spec := fat.Spec{Size: fat.MinSize, When: time.Unix(1<<30, 0), Files: []tree.Entry{tree.File("slots/b/PROVED", 0o644, tree.Bytes([]byte("good\n")))}}
	if err := fat.Write(f, 0, spec); err != nil {
		t.Fatal(err)
	}
	if got := mend(device); got != "" {
		t.Errorf("of a sound file system: %s", got)
	}
	raw, err := os.ReadFile(device)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(bytes.Index(raw, []byte("PROVED  "))) / layout.Sector * layout.Sector
	if _, err := f.WriteAt([]byte("STRAY   TMP"), at+8*32); err != nil {
		t.Fatal(err)
	}
	if got, want := mend(device), device+": a power cut left names behind the end of /slots/b; they are removed"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if after, err := os.ReadFile(device); err != nil || !bytes.Equal(after, raw) {
		t.Errorf("it is not as it was before the name was torn: %v", err)
	}
	if got := mend(device); got != "" {
		t.Errorf("the second time: %s", got)
	}
}
