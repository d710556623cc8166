package media

import (
	"testing"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/verity"
)

func TestCmdline(t *testing.T) {
	b := boards.Board{Name: "pc", Console: []string{"tty0", "ttyS0,115200"}}
	s := slotimage.Slot{Board: b.Name, Words: words(b), Root: verity.Root{Hash: "ab", Size: 4096}}
	const before, after = "console=tty0 console=ttyS0,115200 panic=10 loglevel=4 transparent_hugepage=never proa.mode=",
		" proa.board=pc proa.roothash=ab proa.rootsize=4096"
	for got, want := range map[string]string{
		s.Shared(cmdline.Line{Mode: images.Live, Medium: "PROA"}): "live" + after + " proa.medium=PROA",
		s.Cmdline(layout.Shared):                                  "disk" + after,
		s.Cmdline(layout.B):                                       "disk" + after + " proa.slot=b",
		cmdline.OfSlot(s.Cmdline(layout.Shared), layout.B):        "disk" + after + " proa.slot=b",
	} {
		if got != before+want {
			t.Errorf("got  %s\nwant %s", got, before+want)
		}
	}
}
