package release

import (
	"path/filepath"
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
