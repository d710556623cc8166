package fat

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/proa-os/proa/images/layout"
)

// TestTablesDiffer: a power cut has left the second allocation table as it was before; the first one counts, as for Linux and
// boot loaders, and a file that is added brings both together.
func TestTablesDiffer(t *testing.T) {
	name, f := write(t, 0, MinSize)
	boot := make([]byte, layout.Sector)
	if _, err := f.ReadAt(boot, 0); err != nil {
		t.Fatal(err)
	}
	table := int64(binary.LittleEndian.Uint16(boot[14:])) * layout.Sector
	second := table + int64(binary.LittleEndian.Uint32(boot[36:]))*layout.Sector
	if _, err := f.WriteAt(make([]byte, 3*layout.Sector), second+layout.Sector); err != nil {
		t.Fatal(err)
	}
	want, _ := spec(0).Files[1].Content.ReadAll()
	if got, err := ReadFile(f, 0, MinSize, "slots/a/vmlinuz"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(want))
	}
	if err := Inject(f, 0, MinSize, "config.yaml", []byte("hostname: two\n"), when); err != nil {
		t.Fatal(err)
	}
	judge(t, "fsck.fat", "-n", name)
	if got := judge(t, "mtype", "-i", name, "::/slots/a/vmlinuz"); got != string(want) {
		t.Errorf("mtools reads %d bytes; want %d", len(got), len(want))
	}
}
