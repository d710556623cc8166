package k3sflags

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPackaged: the components that --disable accepts are the manifests in the image.
func TestPackaged(t *testing.T) {
	files, err := os.ReadDir("../../overlay/rootfs/usr/share/proa/manifests")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), ".yaml"); name != "rolebindings" { // no component: flannel cannot work without it
			names = append(names, name)
		}
	}
	if !slices.Equal(names, Packaged()) {
		t.Errorf("the image has the manifests %q, --disable knows %q", names, Packaged())
	}
}
