package media

import (
	"testing"

	"github.com/proa-os/proa/boards"
)

func TestCmdline(t *testing.T) {
	b := boards.Board{Name: "pc", Console: []string{"tty0", "ttyS0,115200"}}
	want := "console=tty0 console=ttyS0,115200 panic=10 loglevel=4 transparent_hugepage=never proa.mode=live proa.board=pc proa.roothash=ab proa.rootsize=4096"
	if got := Cmdline(b, "live", RootInfo{"ab", 4096}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
