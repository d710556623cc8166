package release

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/testfiles"
)

func TestKubernetesVersion(t *testing.T) {
	dir := testfiles.Write(t, map[string]string{"go.mod": "require (\n\tk8s.io/kubernetes v1.37.2\n)\n", "none": "module x\n"})
	if v, err := kubernetesVersion(filepath.Join(dir, "go.mod")); v != "v1.37.2" {
		t.Errorf("%q, %v", v, err)
	}
	if _, err := kubernetesVersion(filepath.Join(dir, "none")); err == nil {
		t.Error("no version and no error")
	}
}

func TestOSRelease(t *testing.T) {
	got := string(Release{Version: "v1.2.0-3-gABC-dirty"}.OSRelease())
	for _, line := range []string{"ID=proa", "VERSION_ID=v1.2.0-3-gabc-dirty", `PRETTY_NAME="proa v1.2.0-3-gABC-dirty"`} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("no line %s in\n%s", line, got)
		}
	}
}
