package datasource

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

// TestLimits: however many files there are, and however large, only so much is read.
func TestLimits(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "var/lib/proa/config.d")
	must(t, os.MkdirAll(dir, 0o755))
	for i := range 200 {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.yaml", i)), []byte(strings.Repeat("# x\n", 64<<10)), 0o600))
	}
	huge := filepath.Join(root, "var/lib/proa/config.yaml")
	must(t, os.WriteFile(huge, nil, 0o600))
	must(t, os.Truncate(huge, 100<<20))
	files, total, refused := Read(root), 0, 0
	for _, f := range files {
		if total += len(f.Text); f.Err != nil {
			refused++
		}
	}
	if len(files) != 101 || total > maxTotal || len(files[0].Text) != config.MaxSize+1 || refused < 80 {
		t.Errorf("%d files, %d bytes, %d of them refused", len(files), total, refused)
	}
}

// TestConfigDriveFiles: what OpenStack writes is read as what it is, by its name.
func TestConfigDriveFiles(t *testing.T) {
	for name, text := range map[string]string{"meta_data.json": `{"uuid": "x", "hostname": "edge-1", "name": "edge-1", "availability_zone": "nova"}`, "meta-data": "dsmode: local\nhostname: edge-1\n",
		"user_data": "hostname: edge-1\nlocale: de_DE\n"} {
		c, problems := config.Parse("/var/lib/proa/sources/config-drive/"+name, []byte(text))
		if c.Hostname != "edge-1" || config.Errors(problems) > 0 {
			t.Errorf("%s: %q, %v", name, c.Hostname, problems)
		}
	}
}
