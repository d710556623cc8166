package handed

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/verity"
)

// TestLine: what was handed over takes the place of what the boot loader has said of the slot, and of nothing else.
func TestLine(t *testing.T) {
	was, err := cmdline.Parse("quiet proa.mode=disk proa.board=pc proa.slot=a proa.rootsize=4096 proa.fallback=b:3 proa.roothash=" + strings.Repeat("a1", 32))
	if err != nil {
		t.Fatal(err)
	}
	root := verity.Root{Hash: strings.Repeat("b2", 32), Size: 8192}
	s := &Swap{Slot: layout.B, Root: root, Mapped: "proa-root-b", From: layout.A, At: time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC)}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var read *Swap
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	want := was
	want.Slot, want.Root, want.Fallback = layout.B, root, cmdline.Fallback{}
	if d := cmp.Diff(want, read.Line(was)); d != "" {
		t.Error(d)
	}
	if read.Name("proa-root") != "proa-root-b" || read.String() != "by soft swap from slot a at 2026-11-02T03:04:05Z, without a restart of the machine" {
		t.Errorf("%s, %s", read.Name("proa-root"), read)
	}
	var none *Swap
	if none.Line(was) != was || none.Name("proa-root") != "proa-root" || none.String() != "" {
		t.Error("without a swap")
	}
}
