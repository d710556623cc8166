package releasemeta

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/golden"
)

func release() Release {
	day := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	return Release{Board: "pc", Arch: "amd64", Layout: 3, Version: "v1.2", Sequence: 7, From: "v1.0", Stones: []string{"v1.1"},
		Waves: []Wave{{5, day}, {100, day.AddDate(0, 0, 7)}}}
}

// TestGolden freezes the form that devices in the field read.
func TestGolden(t *testing.T) {
	hash := strings.Repeat("ab", 32)
	b, err := json.MarshalIndent([]any{release(), Payload{Index: &Index{12, hash}, From: &From{"v1.1", hash}}}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "custom", string(b)+"\n")
	if Path("pc", "v1.2", ManifestName) != "pc/v1.2/manifest.json" {
		t.Error("path")
	}
}

// TestLayouts: what a disk of another layout needs is said, whether the release would move its partitions or not.
func TestLayouts(t *testing.T) {
	for _, test := range []struct {
		migrates []int
		disk     int
		says     string
	}{
		{nil, 3, ""}, {[]int{1, 2}, 3, ""},
		{nil, 2, "it needs disk layout 3, this disk has layout 2; a release that moves partitions (migrates: [2]) must be taken first"},
		{[]int{2}, 1, "a release that moves partitions (migrates: [1]) must be taken first"},
		{[]int{1, 2}, 2, "would move the partitions of this disk, which has layout 2; this version of proa cannot"},
		{nil, 4, "this disk has layout 4 already; take a newer release"},
	} {
		r := release()
		r.Migrates = test.migrates
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = ParseRelease(b); err != nil {
			t.Fatal(err)
		}
		if got := r.Layouts(test.disk); !strings.Contains(got, test.says) || (got == "") != (test.says == "") {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestParse(t *testing.T) {
	b, err := json.Marshal(release())
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseRelease(b)
	if d := cmp.Diff(release(), got); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	for name, change := range map[string]func(*Release){
		"no board": func(r *Release) { r.Board = "" }, "board as path": func(r *Release) { r.Board = "../pc" }, "no version": func(r *Release) { r.Version = "" },
		"layout": func(r *Release) { r.Layout = 0 }, "sequence": func(r *Release) { r.Sequence = 0 }, "from": func(r *Release) { r.From = "-" }, "from a version without v": func(r *Release) { r.From = "1.0.0" },
		"migrates to itself": func(r *Release) { r.Migrates = []int{3} }, "migrates from nothing": func(r *Release) { r.Migrates = []int{0, 1} }, "migrates backwards": func(r *Release) { r.Migrates = []int{2, 1} },
		"stone": func(r *Release) { r.Stones = []string{""} }, "stone that is no version": func(r *Release) { r.Stones = []string{"1.1.0"} }, "own stone": func(r *Release) { r.Stones = []string{"v1.2"} },
		"percent": func(r *Release) { r.Waves[1].Percent = 101 }, "shrinks": func(r *Release) { r.Waves[1].Percent = 5 }, "time": func(r *Release) { r.Waves[1].At = r.Waves[0].At },
	} {
		r := release()
		change(&r)
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseRelease(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, text := range []string{"", "{}", "null", string(b) + "{}", strings.Replace(string(b), "{", `{"needs": 1, `, 1)} {
		if _, err := ParseRelease([]byte(text)); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
	hash := strings.Repeat("ab", 32)
	for text, good := range map[string]bool{
		`{}`: true, `{"index":{"length":1,"sha256":"` + hash + `"}}`: true, `{"index":{"length":0,"sha256":"` + hash + `"}}`: false, `{"index":{"length":1,"sha256":""}}`: false,
		`{"from":{"version":"v1","root":"` + hash + `"}}`: true, `{"from":{"version":"v1","root":"` + strings.ToUpper(hash) + `"}}`: false, `{"x":1}`: false,
	} {
		if _, err := ParsePayload([]byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
