package pid1

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/proa-os/proa/init/datasource"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/sys"
)

// late is a kernel on which a medium with user-data can be mounted.
type late struct {
	*sys.Fake
	root string
}

func (l late) Mount(_, target, _ string, _ uintptr, _ string) error {
	dir := filepath.Join(l.root, target)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "user-data"), []byte("#cloud-config\nhostname: late\n"), 0o600)
}

func (l late) WriteFile(path string, text []byte, perm os.FileMode) error {
	if filepath.Dir(path) != datasource.Cache+"/nocloud" {
		return l.Fake.WriteFile(path, text, perm)
	}
	path = filepath.Join(l.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, text, perm)
}

// TestLateMedium: a medium that comes after the boot is read, and its configuration applied.
func TestLateMedium(t *testing.T) {
	tr := newTrying(t, "")
	if err := tr.revertVerb(t.Context(), "", func(string) {}); err != nil {
		t.Fatal(err)
	}
	iso := make([]byte, 32768+2048)
	copy(iso[32768:], "\x01CD001\x01")
	copy(iso[32768+40:], "cidata")
	mine, err := os.ReadFile(filepath.Join(tr.m.Root, inforce.ConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	mine = append(mine, "\ndata_sources: [nocloud]\n"...)
	for name, text := range map[string][]byte{"dev/sdb": iso, "sys/class/block/sdb/size": nil, inforce.ConfigFile: mine} {
		path := filepath.Join(tr.m.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tr.m.Sys = late{&sys.Fake{}, tr.m.Root}
	tr.sup.StopAll(t.Logf) // its processes are outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		tr.readLateMedia(t.Context())
		if got := tr.conf.latest(); got.Hostname != "late" || time.Since(began) < lateMedia || tr.conf.held.Document != inforce.ConfigFile {
			t.Errorf("%q after %s, %s", got.Hostname, time.Since(began), tr.conf.held.Document)
		}
	})
}
