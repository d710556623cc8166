package releasing_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/tufrepo"
)

// TestRefused: what no device could follow, and places that cannot be read or written, are refused before a payload is
// made, and the release that is there stays as it was.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	ring, err := keys.Init(filepath.Join(dir, "keys"), false, keys.Access{})
	must(t, err)
	_, err = tufrepo.KeepRoot(ring, tufrepo.DefaultPeriods(), time.Now())
	must(t, err)
	var files []string
	for _, version := range []string{"v1.0.0", "v1.1.0", "v1.2.0"} {
		c := slots.Contents{Board: "pc", Version: version, Binary: slots.Words(1, 9000), Library: slots.Words(2, 9000), Initrd: slots.Words(3, 9000)}
		files = append(files, filepath.Join(dir, version+".slot"))
		must(t, c.Write(files[len(files)-1], ring))
	}
	site, other := filepath.Join(dir, "site"), filepath.Join(dir, "other.slot")
	must(t, os.WriteFile(other, []byte("hello"), 0o600))
	release := func(o releasing.Options, files ...string) error {
		o.Out, o.Ring, o.Now, o.Show = site, ring, time.Now(), slots.Quiet{}
		_, err := releasing.Run(t.Context(), o, files)
		return err
	}
	must(t, release(releasing.Options{}, files[:2]...))
	for _, test := range []struct {
		o    releasing.Options
		want string
	}{
		{releasing.Options{Least: "1.0.0"}, `least version to come from "1.0.0": a version such as v1.2.0 is meant`},
		{releasing.Options{Stones: []string{"1.1.0"}}, `stepping stones ["1.1.0"]`},
		{releasing.Options{Stones: []string{"v1.1.1"}}, "--stone v1.1.1: " + site + " has no such release for the board pc; release it first"},
		{releasing.Options{Stones: []string{"v1.1.0", "v1.0.0"}}, "--stone v1.0.0: its sequence 1 is not between 2 and 3"},
		{releasing.Options{Sequence: 2}, "--sequence 2 is that of version v1.1.0"},
		{releasing.Options{From: []string{filepath.Join(dir, "none")}}, "--from " + filepath.Join(dir, "none") + ": no release"},
		{releasing.Options{From: []string{filepath.Join(dir, "none.slot")}}, "none.slot: no such file"},
		{releasing.Options{From: []string{other}}, "--from " + other + ": slot file: "},
		{releasing.Options{Bundle: filepath.Join(dir, "none/b.tar")}, "--bundle " + filepath.Join(dir, "none/b.tar") + ": "},
		{releasing.Options{Bundle: dir}, "it is no regular file"},
		{releasing.Options{Version: "v1.3.0"}, "it is of version v1.2.0, and --version says v1.3.0"},
	} {
		before := tree(t, dir)
		if err := release(test.o, files[2]); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v; want %q", test.o, err, test.want)
		}
		if after := tree(t, dir); after != before {
			t.Errorf("%+v: the directory had %s, and has %s", test.o, before, after)
		}
	}
	must(t, release(releasing.Options{Least: "v1.0.0", Stones: []string{"v1.0.0", "v1.1.0"}, Bundle: filepath.Join(dir, "b.tar")}, files[2]))
}

// tree lists the files of a directory.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		names = append(names, name)
		return err
	}))
	return strings.Join(names, "\n")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
