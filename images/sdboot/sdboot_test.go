package sdboot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/layout"
)

func TestNames(t *testing.T) {
	for file, want := range map[string]Name{
		"proa-a.conf":      {Slot: layout.A},
		"proa-b+3.conf":    {Slot: layout.B, Counted: true, Left: 3},
		"proa-b+2-1.conf":  {Slot: layout.B, Counted: true, Left: 2, Done: 1},
		"proa-a+0-3.conf":  {Slot: layout.A, Counted: true, Done: 3},
		"proa-a+10-2.conf": {Slot: layout.A, Counted: true, Left: 10, Done: 2},
		"proa-b+0.conf":    Waiting(layout.B),
	} {
		got, ok := ParseName(file)
		if !ok || got != want {
			t.Errorf("%s: %+v, %v", file, got, ok)
		}
		if got.String() != file {
			t.Errorf("%s comes back as %s", file, got)
		}
		if got.Failed() != (file == "proa-a+0-3.conf") {
			t.Errorf("%s: failed is %v", file, got.Failed())
		}
		if last := file == "proa-a+0-3.conf" || file == "proa-b+0.conf"; got.Last() != last {
			t.Errorf("%s: last is %v", file, got.Last())
		}
		if b := got.Blessed().String(); b != "proa-"+string(want.Slot)+".conf" {
			t.Errorf("%s is blessed as %s", file, b)
		}
	}
	for _, file := range []string{"debian.conf", "proa-c.conf", "proa-a+.conf", "proa-a+1-.conf", "proa-a-1.conf", "xproa-a.conf", "proa-a.conf~", "proa-a+99999999999999999999.conf"} {
		if n, ok := ParseName(file); ok {
			t.Errorf("%s: %+v", file, n)
		}
	}
	if n, ok := ParseName("PROA-B+2-1.CONF"); !ok || n.Left != 2 {
		t.Errorf("upper case: %+v, %v", n, ok)
	}
	if got := Trial(layout.B).String(); got != "proa-b+3.conf" {
		t.Errorf("trial: %s", got)
	}
}

func TestEntry(t *testing.T) {
	e := Entry{Slot: layout.B, Title: "proa v1.2", Sequence: 7, Cmdline: "quiet proa.slot=b"}
	want := "title proa v1.2\nsort-key proa\nversion 7\nlinux /slots/b/vmlinuz\ninitrd /slots/b/initrd\noptions quiet proa.slot=b\n"
	if diff := cmp.Diff(want, string(e.Text())); diff != "" {
		t.Error(diff)
	}
	if got, err := ParseEntry(e.Text()); err != nil || got != e {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "title x\n", "linux /vmlinuz\n", "linux /slots/b/vmlinuz\nversion one\n"} {
		if e, err := ParseEntry([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, e)
		}
	}
}
