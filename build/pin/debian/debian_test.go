package debian

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/pin"
)

func TestKernelKeepsOnlyImages(t *testing.T) {
	s := Kernel("amd64", "linux-image-amd64", "")
	for name, want := range map[string]bool{"linux-image-amd64": true, "linux-image-6.12.1-amd64": true, "systemd": false, "linux-base": false,
		"linux-binary-7.3.4+deb13-amd64": true, "linux-modules-7.3.4+deb13-amd64": true, "linux-base-7.3.4+deb13-amd64": true, "linux-base-amd64": false} {
		if s.Keeps(name) != want {
			t.Errorf("Keeps(%q) = %v", name, !want)
		}
	}
	if !Root("amd64").Keeps("libc6") {
		t.Error("the root set dropped a library")
	}
}

func TestFollowersAreOfTheKernelThatWasResolved(t *testing.T) {
	k := Kernel("arm64", "linux-image-arm64", "trixie-backports")
	resolved := []pin.Package{{Name: "linux-image-arm64"}, {Name: "linux-binary-7.3.4+deb13-arm64"}, {Name: "linux-image-7.3.4+deb13-arm64"}}
	for _, c := range []struct {
		set  pin.Set
		want string
	}{
		{Headers(k), "linux-headers-7.3.4+deb13-arm64"},
		{Kbuild("amd64", k), "linux-kbuild-7.3.4+deb13"},
		{k, "linux-image-arm64"},
	} {
		got, err := c.set.Of(resolved)
		if err != nil || len(got.Packages) != 1 || got.Packages[0] != c.want || got.ID() != c.set.ID() || c.set.Leader() != k.ID() {
			t.Errorf("%s: %v, %v; want %s", c.set.ID(), got.Packages, err, c.want)
		}
	}
	if _, err := Headers(k).Of(resolved[:2]); err == nil || !strings.Contains(err.Error(), "no kernel in set "+k.ID()) {
		t.Errorf("no kernel: %v", err)
	}
}
