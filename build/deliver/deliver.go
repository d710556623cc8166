// Package deliver copies build outputs to out/. It makes no links, so that a changed copy cannot change the cache.
package deliver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/build/qemu"
)

// stamp is stored beside a delivered file and describes its source.
type stamp struct {
	From string
	Size int64
	Time time.Time
}

// File copies a file, unless the existing copy is of the same source and has not been changed since.
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
