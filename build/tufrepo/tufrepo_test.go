package tufrepo

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/images/releasemeta"
)

var begin = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

func days(n int) time.Time { return begin.AddDate(0, 0, n) }

var sum = strings.Repeat("ab", 32)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fresh(t *testing.T) (string, *keys.Ring) {
	t.Helper()
	ring, err := keys.Init(filepath.Join(t.TempDir(), "keys"), false, keys.Access{})
	must(t, err)
	return t.TempDir(), ring
}

func release(n int64) releasemeta.Release {
	return releasemeta.Release{Board: "pc", Arch: "amd64", Layout: 3, Version: fmt.Sprintf("v%d", n), Sequence: n}
}

// publish publishes one more release, 0: none.
func publish(t *testing.T, dir string, ring *keys.Ring, n int64, now time.Time) error {
	t.Helper()
	r, err := Open(dir, ring)
	must(t, err)
	if n > 0 {
		name, err := r.AddTarget(releasemeta.Path("pc", release(n).Version, "manifest.json"), 5, sum, release(n))
		if want := "pc/" + release(n).Version + "/" + sum + ".manifest.json"; err != nil || name != want {
			t.Errorf("%q, %v, want %q", name, err, want)
		}
	}
	return r.Publish(now)
}

func files(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, MetadataDir))
	must(t, err)
	var names []string
	for _, f := range list {
		names = append(names, f.Name())
	}
	return strings.Join(names, " ")
}

// verify follows the workflow of TUF's clients from root 1 at a time, and returns how many targets there are.
func verify(t *testing.T, dir string, now time.Time) int {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, MetadataDir, name))
		must(t, err)
		return b
	}
	set, err := trustedmetadata.New(read("1.root.json"))
	must(t, err)
	set.RefTime = now
	for n := 2; ; n++ {
		b, err := os.ReadFile(filepath.Join(dir, MetadataDir, fmt.Sprintf("%d.root.json", n)))
		if err != nil {
			break
		}
		_, err = set.UpdateRoot(b)
		must(t, err)
	}
	_, err = set.UpdateTimestamp(read("timestamp.json"))
	must(t, err)
	_, err = set.UpdateSnapshot(read(fmt.Sprintf("%d.snapshot.json", set.Timestamp.Signed.Meta["snapshot.json"].Version)), false)
	must(t, err)
	targets, err := set.UpdateTargets(read(fmt.Sprintf("%d.targets.json", set.Snapshot.Signed.Meta["targets.json"].Version)))
	must(t, err)
	if string(read("root.json")) != string(read(fmt.Sprintf("%d.root.json", set.Root.Signed.Version))) {
		t.Error("root.json is not the newest root")
	}
	return len(targets.Signed.Targets)
}

// counted has the versions of a directory that began on day 0 as if its first one were 1.
func counted(names string) string {
	return regexp.MustCompile(`\d{5,}`).ReplaceAllStringFunc(names, func(n string) string {
		version, _ := strconv.ParseInt(n, 10, 64)
		return strconv.FormatInt(version-days(0).Unix()+1, 10)
	})
}

// TestPublish: what has not changed is not signed again until a third of its time is left; the timestamp always is.
func TestPublish(t *testing.T) {
	dir, ring := fresh(t)
	for _, c := range []struct {
		release int64
		day     int
		want    string
		targets int
	}{
		{1, 0, "1.root.json 1.snapshot.json 1.targets.json root.json timestamp.json", 1},
		{0, 7, "1.root.json 1.snapshot.json 1.targets.json root.json timestamp.json", 1},
		{2, 8, "1.root.json 1.snapshot.json 1.targets.json 2.snapshot.json 2.targets.json root.json timestamp.json", 2},
		{0, 30, "1.root.json 1.snapshot.json 1.targets.json 2.snapshot.json 2.targets.json 3.snapshot.json root.json timestamp.json", 2},
		{0, 300, "1.root.json 1.snapshot.json 1.targets.json 2.snapshot.json 2.targets.json 3.snapshot.json 3.targets.json 4.snapshot.json 2.root.json root.json timestamp.json", 2},
	} {
		must(t, publish(t, dir, ring, c.release, days(c.day)))
		if got := counted(files(t, dir)); got != c.want {
			t.Errorf("day %d: %s\nwant %s", c.day, got, c.want)
		}
		if n := verify(t, dir, days(c.day+1)); n != c.targets {
			t.Errorf("day %d: %d targets", c.day, n)
		}
	}
	m, err := metadata.Timestamp().FromFile(filepath.Join(dir, MetadataDir, "timestamp.json"))
	if err != nil || m.Signed.UnrecognizedFields[releasemeta.SignedField] != days(300).Format(time.RFC3339) || m.Signed.Version != days(0).Unix()+4 {
		t.Errorf("%+v, %v", m.Signed, err)
	}
}

// TestRotation: keys of every role are replaced; a new root is signed by old and new keys, and without the old ones
// nothing is published.
func TestRotation(t *testing.T) {
	dir, ring := fresh(t)
	must(t, publish(t, dir, ring, 1, begin))
	for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
		_, err := ring.Rotate(role, "", "")
		must(t, err)
		must(t, publish(t, dir, ring, 0, begin))
		verify(t, dir, begin)
	}
	must(t, ring.Split("root", 2, 3))
	must(t, ring.Split("targets", 2, 2))
	must(t, publish(t, dir, ring, 2, begin))
	if n := verify(t, dir, begin); n != 2 {
		t.Errorf("%d targets", n)
	}
	root, err := metadata.Root().FromFile(filepath.Join(dir, MetadataDir, "6.root.json"))
	if err != nil || root.Signed.Roles["root"].Threshold != 2 || len(root.Signed.Roles["root"].KeyIDs) != 3 || !root.Signed.ConsistentSnapshot {
		t.Errorf("%+v, %v", root, err)
	}
	old := slices.Clone(ring.Roles[keys.Root].Keys)
	_, err = ring.Rotate("root", "", "")
	must(t, err)
	for _, k := range old[:2] {
		must(t, os.Rename(filepath.Join(ring.Dir, k.At), filepath.Join(ring.Dir, k.At+".away")))
	}
	before := files(t, dir)
	err = publish(t, dir, ring, 3, begin)
	if err == nil || !strings.Contains(err.Error(), "the keys of root 6 must sign too") || !strings.Contains(err.Error(), "is not here") || files(t, dir) != before {
		t.Errorf("without the old keys: %v", err)
	}
	must(t, os.Rename(filepath.Join(ring.Dir, old[0].At+".away"), filepath.Join(ring.Dir, old[0].At)))
	must(t, publish(t, dir, ring, 3, begin))
	verify(t, dir, begin)
}

// TestFewerKeys: nothing is published with fewer signatures than a threshold.
func TestFewerKeys(t *testing.T) {
	dir, ring := fresh(t)
	must(t, ring.Split("targets", 2, 2))
	must(t, publish(t, dir, ring, 1, begin))
	must(t, os.Remove(filepath.Join(ring.Dir, ring.Roles[keys.Targets].Keys[1].At)))
	before, err := os.ReadFile(filepath.Join(dir, MetadataDir, "timestamp.json"))
	must(t, err)
	if err := publish(t, dir, ring, 2, begin); err == nil || !strings.Contains(err.Error(), "1 of 2 keys can be used here, and 2 must sign") {
		t.Error(err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, MetadataDir, "timestamp.json")); err != nil || string(after) != string(before) {
		t.Error("it was published")
	}
	must(t, publish(t, dir, ring, 0, days(5))) // the timestamp needs no key of targets
	if n := verify(t, dir, days(5)); n != 1 {
		t.Errorf("%d targets", n)
	}
}

func TestTargetsThatAreRefused(t *testing.T) {
	dir, ring := fresh(t)
	must(t, publish(t, dir, ring, 1, begin))
	r, err := Open(dir, ring)
	must(t, err)
	for name, c := range map[string]struct {
		path, sum string
		length    int64
		custom    any
	}{
		"other bytes": {"pc/v1/manifest.json", strings.Repeat("cd", 32), 5, release(1)},
		"no custom":   {"pc/v2/manifest.json", sum, 5, nil},
		"other board": {"pc/v2/manifest.json", sum, 5, release(3)},
		"no sequence": {"pc/v0/manifest.json", sum, 5, releasemeta.Release{Board: "pc", Arch: "amd64", Layout: 3, Version: "v0"}},
		"payload":     {"pc/v2/full", sum, 5, releasemeta.Payload{Index: &releasemeta.Index{}}},
		"path":        {"pc/../v2/full", sum, 5, nil}, "absolute": {"/pc/v2/full", sum, 5, nil}, "short path": {"pc/full", sum, 5, nil},
		"sum": {"pc/v2/full", "ab", 5, nil}, "length": {"pc/v2/full", sum, 0, nil},
	} {
		if _, err := r.AddTarget(c.path, c.length, c.sum, c.custom); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := r.AddTarget("pc/v2/full", 5, sum, releasemeta.Payload{Index: &releasemeta.Index{Length: 1, SHA256: sum}}); err != nil {
		t.Error(err)
	}
	must(t, r.RemoveTarget("pc/v1/manifest.json"))
	if err := r.RemoveTarget("pc/v1/manifest.json"); err == nil {
		t.Error("removed twice")
	}
	must(t, r.Publish(begin))
	if n := verify(t, dir, begin); n != 1 {
		t.Errorf("%d targets", n)
	}
	if err := (&Repo{Dir: t.TempDir(), Ring: ring, Periods: DefaultPeriods()}).Publish(begin); err == nil {
		t.Error("published nothing")
	}
}
