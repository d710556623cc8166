package relock

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/pin"
)

func lock(version string) pin.Lock {
	p := pin.Package{Name: "crun", Version: version, Arch: "amd64", Size: 1, SHA256: strings.Repeat("ab", 32), Path: "pool/c.deb"}
	return pin.Lock{Date: time.Unix(86400, 0), Sets: map[string][]pin.Package{"root/amd64": {p}}}
}

func TestSubstitutesLastUntilTheLockChanges(t *testing.T) {
	s := Substitutes{Lock: filepath.Join(t.TempDir(), "debian.lock"), Dir: t.TempDir(), Host: "amd64"}
	uses := func(want string, substituted bool) {
		t.Helper()
		l, got, err := s.Load()
		if err != nil || got != substituted || l.Sets["root/amd64"][0].Version != want {
			t.Errorf("got %v, %t, %v; want %s, %t", l.Sets, got, err, want, substituted)
		}
	}
	if _, _, err := s.Load(); !os.IsNotExist(err) {
		t.Errorf("without a lock: %v", err)
	}
	if err := lock("1").Save(s.Lock); err != nil {
		t.Fatal(err)
	}
	uses("1", false)
	if err := s.save(lock("2")); err != nil {
		t.Fatal(err)
	}
	uses("2", true)
	if err := lock("3").Save(s.Lock); err != nil {
		t.Fatal(err)
	}
	uses("3", false)
}

func TestHoldsAny(t *testing.T) {
	list := []pin.Package{{Name: "a", Version: "1"}, {Name: "b", Version: "1"}}
	if !holdsAny(list, []pin.Package{{Name: "b", Version: "1"}}) || holdsAny(list, []pin.Package{{Name: "b", Version: "2"}}) {
		t.Error("a package is found by name and version")
	}
}

func TestLockHasEverySet(t *testing.T) {
	lock, err := pin.Load("../pin/debian.lock")
	if err != nil {
		t.Fatal(err)
	}
	sets, err := Sets("amd64")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sets {
		list, err := lock.Set(s.ID())
		if err != nil || len(list) == 0 {
			t.Errorf("%s: %v; run `proa lock`", s.ID(), err)
		}
	}
}

func TestChanges(t *testing.T) {
	p := func(name, version string) pin.Package { return pin.Package{Name: name, Version: version} }
	old := pin.Lock{Sets: map[string][]pin.Package{"s": {p("a", "1"), p("b", "1"), p("c", "1")}}}
	fresh := pin.Lock{Sets: map[string][]pin.Package{"s": {p("a", "1"), p("b", "2"), p("d", "1")}}}
	got := strings.Join(Changes(old, fresh), "\n")
	if want := "s: b 2, was 1\ns: d 1 is new\ns: c is gone"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestKeep: an architecture that cannot be asked for loses nothing, unless it has nothing yet.
func TestKeep(t *testing.T) {
	old := lock("1")
	groups := ByArch([]pin.Set{pin.Root("amd64"), pin.Root("armhf"), pin.Root("amd64")})
	if len(groups) != 2 || len(groups[0]) != 2 || groups[1][0].Arch != "armhf" {
		t.Fatalf("%v", groups)
	}
	var said strings.Builder
	kept, err := Keep(old, groups[0], errors.New("mirror sync in progress"), &said)
	if err != nil || len(kept["root/amd64"]) != 1 || !strings.Contains(said.String(), "amd64 keeps its packages, because: mirror sync") {
		t.Errorf("%v, %v, %q", kept, err, said.String())
	}
	if _, err := Keep(old, groups[1], errors.New("mirror sync in progress"), &said); err == nil {
		t.Error("a set that was never locked was kept")
	}
}
