package sbom

import (
	"runtime/debug"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/testfiles"
)

func TestSBOM(t *testing.T) {
	docs := testfiles.Write(t, map[string]string{"crun/copyright": "License: GPL-2+\nLicense: LGPL-2.1+\nLicense: GPL-2+\n"})
	d := New("x.img", "v1", "00", time.Unix(0, 0))
	d.Debian([]pin.Package{{Name: "crun", Version: "1:1.2+b1", Arch: "amd64", SHA256: "aa"}}, docs)
	d.Debian([]pin.Package{{Name: "crun", Version: "1:1.2+b1", Arch: "amd64", SHA256: "aa"}}, docs)
	info := &debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Path: "github.com/proa-os/proa", Version: "(devel)"}, Deps: []*debug.Module{{Path: "k8s.io/api", Version: "v0.37.2", Sum: "h1:x"}}}
	d.Modules("k3s", info)
	d.Modules("coredns", info)
	d.Finish()
	var got []string
	for _, p := range d.Packages[1:] {
		got = append(got, p.Name+" "+p.Version+" "+p.Comment+" "+p.Refs[0].Locator)
	}
	want := []string{
		"crun 1:1.2+b1 Debian copyright file: GPL-2+, LGPL-2.1+ pkg:deb/debian/crun@1%3A1.2%2Bb1?arch=amd64",
		"k8s.io/api v0.37.2 go.sum h1:x; in k3s, coredns pkg:golang/k8s.io/api@v0.37.2",
		"std 1.26 in k3s, coredns pkg:golang/std@1.26",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(d.Relationships) != 4 {
		t.Errorf("%d relationships, want DESCRIBES and three CONTAINS", len(d.Relationships))
	}
}
