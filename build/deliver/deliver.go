// Package deliver copies what was built to where people take it from. It links nothing: what they do to their copy must not reach the cache.
package deliver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/build/qemu"
)

// stamp is kept beside a delivered file and says what it is a copy of.
type stamp struct {
	From string
	Size int64
	Time time.Time
}

// File copies a file unless the copy that is there is of it, and has been left alone since.
func File(from, to string) error {
	note := filepath.Join(filepath.Dir(to), "."+filepath.Base(to)+".stamp")
	if st, err := os.Stat(to); err == nil {
		var was stamp
		b, err := os.ReadFile(note)
		if err == nil && json.Unmarshal(b, &was) == nil && was.From == from && was.Size == st.Size() && was.Time.Equal(st.ModTime()) {
			return nil
		}
	}
	tmp := to + ".part"
	if err := qemu.Copy(tmp, from, 0); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o644); err != nil {
		return err
	}
	if err := os.Rename(tmp, to); err != nil {
		return err
	}
	st, err := os.Stat(to)
	if err != nil {
		return err
	}
	b, err := json.Marshal(stamp{from, st.Size(), st.ModTime()})
	if err != nil {
		return err
	}
	return os.WriteFile(note, b, 0o644)
}
