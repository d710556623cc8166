package timeline

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/sys"
)

// TestSave: each list has its file, readable by root only; a list without steps has none.
func TestSave(t *testing.T) {
	f, done := &sys.Fake{}, []step.Result{{List: "slot-write", Name: "check"}}
	if err := errors.Join(Save(f, nil), Save(f, done), SaveShutdown(f, done)); err != nil {
		t.Fatal(err)
	}
	const want = "mkdir /run/proa/timeline 0700\nwrite /run/proa/timeline/slot-write.json 0600\nwrite /var/lib/proa/shutdown.json 0600\n"
	if f.String() != want {
		t.Errorf("calls:\n%s", f)
	}
	for _, broken := range []string{"mkdir", "write"} {
		f.Fail = map[string]error{broken: unix.ENOSPC}
		if err := Save(f, done); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: %v", broken, err)
		}
	}
}
