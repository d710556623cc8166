package relock

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/pin/debian"
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
	if err != nil || len(sets) < 10 {
		t.Fatalf("%d sets, %v", len(sets), err)
	}
	for _, s := range sets {
		list, err := lock.Set(s.ID())
		if err != nil || len(list) == 0 || !complete(s, list) {
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

// TestHeadersAreOfTheLockedKernel: the kernel would refuse a module built with other headers, or crash.
func TestHeadersAreOfTheLockedKernel(t *testing.T) {
	lock, err := pin.Load("../pin/debian.lock")
	if err != nil {
		t.Fatal(err)
	}
	sets, err := Sets("amd64")
	if err != nil {
		t.Fatal(err)
	}
	followers := 0
	for _, s := range sets {
		if s.Follows == "" {
			continue
		}
		followers++
		want, err := s.Of(lock.Sets[s.Follows])
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range want.Packages {
			if !slices.ContainsFunc(lock.Sets[s.ID()], func(p pin.Package) bool { return p.Name == name }) {
				t.Errorf("%s: no %s in the lock; run `proa lock`", s.ID(), name)
			}
		}
	}
	if followers == 0 {
		t.Error("no board has a module of ours")
	}
}

// TestGoneTogether: if the mirror has another kernel, its headers are resolved again too, although they were not
// requested.
func TestGoneTogether(t *testing.T) {
	kernel := debian.Kernel("arm64", "linux-image-arm64", "")
	sets := []pin.Set{debian.Root("arm64"), kernel, debian.Headers(kernel), debian.Kbuild("amd64", kernel)}
	image, header, crun := pin.Package{Name: "linux-image-1-arm64"}, pin.Package{Name: "linux-headers-1-arm64"}, pin.Package{Name: "crun"}
	old := pin.Lock{Sets: map[string][]pin.Package{sets[0].ID(): {crun}, sets[1].ID(): {image}, sets[2].ID(): {header}}}
	for _, c := range []struct {
		gone pin.Package
		want []pin.Set
	}{{crun, sets[:1]}, {image, sets[1:]}, {header, sets[1:]}} {
		if d := cmp.Diff(c.want, concerned(sets, old, []pin.Package{c.gone})); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.gone.Name, d)
		}
	}
}

// TestKeep: an architecture that cannot be resolved keeps its packages; it is an error only if it has none yet.
func TestKeep(t *testing.T) {
	old := lock("1")
	kernel := debian.Kernel("armhf", "linux-image-armmp", "")
	root := pin.Set{Name: "root", Arch: "amd64", Packages: []string{"crun"}}
	groups := ByArch([]pin.Set{root, kernel, root, debian.Kbuild("amd64", kernel)})
	if len(groups) != 2 || len(groups[0]) != 2 || len(groups[1]) != 2 || groups[1][0].Arch != "armhf" {
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
	root.Packages = append(root.Packages, "openssh-sftp-server")
	if _, err := Keep(old, []pin.Set{root}, errors.New("mirror sync in progress"), &said); err == nil {
		t.Error("a set was kept without a package it has got since")
	}
}

// A mirror that is out of date, or an attacker who replays old lists, cannot downgrade packages.
func TestNotOlder(t *testing.T) {
	for versions, refused := range map[[2]string]bool{
		{"1.21-1", "1.21-1"}:             false,
		{"1.21-1", "1.21-1+deb13u1"}:     false,
		{"1.21-1+deb13u1", "1.21-1"}:     true,
		{"1:0.9", "2.0"}:                 true, // the epoch is compared first
		{"6.12~rc1-1", "6.12-1"}:         false,
		{"6.12-1", "6.12~rc1-1"}:         true,
		{"1.9", "1.10"}:                  false,
		{"2025b-4+deb13u1", "2025b-4"}:   true,
		{"1.21-1~bpo13+1", "1.21-1~bpo"}: true,
	} {
		err := NotOlder(t.Context(), lock(versions[0]).Sets, lock(versions[1]).Sets)
		if (err != nil) != refused {
			t.Errorf("%s after %s: %v", versions[1], versions[0], err)
		}
		if refused && !strings.Contains(err.Error(), "root/amd64: the mirror has crun "+versions[1]+", and the lock the newer "+versions[0]) {
			t.Errorf("%v", err)
		}
	}
	if err := NotOlder(t.Context(), lock("1.0").Sets, map[string][]pin.Package{"root/amd64": {{Name: "other", Version: "0.1"}}}); err != nil {
		t.Errorf("another package: %v", err)
	}
}
