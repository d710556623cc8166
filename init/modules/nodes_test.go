package modules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/init/sys"
)

// TestStaticNodes: an invalid line is skipped, and no node is created outside dev.
func TestStaticNodes(t *testing.T) {
	x, _ := open(t, "", map[string]string{"modules.dep": "", "modules.devname": "# Device nodes to trigger on-demand module loading.\n" +
		"tun net/tun c10:200\nloop loop-control c10:237\nfloppy fd0 b2:0\nevil ../etc/x c1:3\nworse c10\nodd odd x1:2\nfuse fuse c10:229\n"})
	f := &sys.Fake{}
	if err := x.StaticNodes(f, "/dev"); err == nil {
		t.Error("three lines that are none passed")
	}
	want := "mkdir /dev/net 0755\nmknod /dev/net/tun 020666 10:200\nmkdir /dev 0755\nmknod /dev/loop-control 020600 10:237\nmkdir /dev 0755\nmknod /dev/fd0 060600 2:0\nmkdir /dev 0755\nmknod /dev/fuse 020666 10:229\n"
	if d := cmp.Diff(want, f.String()); d != "" {
		t.Error(d)
	}
	if x, _ := open(t, "", map[string]string{"modules.dep": ""}); x.StaticNodes(f, "/dev") != nil {
		t.Error("a kernel without such modules")
	}
}
