package flags

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"github.com/proa-os/proa/config/k3sflags"
)

// TestTableIsFresh fails if a flag was changed without updating flags.tsv: the configuration would refuse flags of the
// runtime, or accept flags that do not exist.
func TestTableIsFresh(t *testing.T) {
	have, err := os.ReadFile("../../config/k3sflags/flags.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Table(), string(have)); d != "" {
		t.Errorf("config/k3sflags/flags.tsv is stale; go run ./k3s/flags/gendoc and go run ./config/gendoc write it and the reference anew:\n%s", d)
	}
}

// TestListsAgree: init writes a list for repeatable flags, and the runtime accepts lists only for those.
func TestListsAgree(t *testing.T) {
	new(Config).set().VisitAll(func(f *pflag.Flag) {
		_, list := f.Value.(pflag.SliceValue)
		if c, ok := k3sflags.Named(f.Name); !ok || c.List() != list {
			t.Errorf("%s: list %t here, known %t, list %t in config", f.Name, list, ok, c.List())
		}
	})
}

// TestGrantedAreNoFlags: a flag that is accepted because it is always on must not hide a real flag.
func TestGrantedAreNoFlags(t *testing.T) {
	new(Config).set().VisitAll(func(f *pflag.Flag) {
		if k3sflags.Granted(f.Name) {
			t.Errorf("%s is a flag now", f.Name)
		}
	})
}
