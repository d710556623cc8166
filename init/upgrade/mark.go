package upgrade

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// marks is a small file that says how much of a root is on the medium: after each flush, so that an interrupted write
// goes on there.
type marks struct{ dir string }

// Marks returns what says how much of a slot file an earlier run has written.
func Marks(dir string) interface{ Written(manifest string) int64 } { return &marks{dir} }

type mark struct {
	Manifest string `json:"manifest"` // sha256
	Bytes    int64  `json:"bytes"`
}

func (m *marks) path() string { return filepath.Join(m.dir, filepath.Base(journal.Partial)) }

// Written implements slotsource.Mark.
func (m *marks) Written(manifest string) int64 {
	var is mark
	b, err := os.ReadFile(m.path())
	if err == nil {
		err = json.Unmarshal(b, &is)
	}
	if err != nil || is.Manifest != manifest {
		return 0
	}
	return is.Bytes
}

// set is called rarely: after several megabytes.
func (m *marks) set(manifest string, bytes int64) error {
	b, err := json.Marshal(mark{manifest, bytes})
	if err != nil {
		return err
	}
	return atomicfile.Write(m.path(), append(b, '\n'), 0o600)
}

func (m *marks) clear() error {
	err := os.Remove(m.path())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
