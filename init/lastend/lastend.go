// Package lastend finds out how the last boot ended, before anything is started that may end this one the same way. It
// stores what the kernel kept of a panic (a file for all of it, the record of upgrades for the last lines), removes that from
// firmware or memory, and leaves a slot that is new and was not what its trial made it look like. A slot stays unless the
// other one can take over.
package lastend

import (
	"fmt"
	"strings"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/init/aftergood"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/pstore"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/settle"
)

// File has all that the kernel kept of the boots that were lost last. It is readable by root only: the kernel's messages
// have its command line, which is configuration.
const File = boot.LogDir + "/last-panic.log"

// maxFile is its size in bytes.
const maxFile = 256 << 10

// Look returns why the running slot, which is new, is to be left; "" if it is not. reset: a watchdog says that it reset the
// machine. The error is about what could not be stored, and then remains where the kernel kept it.
func Look(m *boot.Machine, day *aftergood.Keeper, reset bool, now time.Time) (why string, err error) {
	kept := pstore.Read(m.Sys, m.Root)
	since, watched := day.Watched()
	err = store(m, kept, watched)
	b := aftergood.Boot{Slot: m.Line.Slot, Root: journal.ShortRoot(m.Line.Root.Hash), Trial: m.Found.Trial.On, Now: now}
	if watched {
		b.Cause, b.Lost = aftergood.Cause(kept, reset, since)
	}
	why, failed := day.Started(b)
	if err == nil && failed != nil {
		err = fmt.Errorf("%s: %w", aftergood.File, failed)
	}
	return why, err
}

// store keeps the records on the data partition, and removes them from where the kernel kept them.
func store(m *boot.Machine, kept pstore.Store, watched bool) error {
	if len(kept.Dumps) == 0 || !m.OnDisk() || m.DataErr != nil {
		return nil // of a live system nothing is kept
	}
	for _, d := range kept.Dumps {
		if d.Panic != "" {
			m.Logf("an earlier boot was lost: the kernel panicked: %s; its last messages are in %s", d.Panic, File)
			break
		}
	}
	if err := m.Sys.WriteFile(File, text(kept.Dumps), 0o600); err != nil {
		return fmt.Errorf("%s: %w", File, err)
	}
	err := journal.Update(m.Path(journal.File), func(j *journal.Journal) bool {
		e := j.Lost(settle.Facts(m), watched)
		if e == nil {
			return false
		}
		d := kept.Since(e.Tried)
		if d == nil {
			return false
		}
		e.Console = nodeupgrade.Console{From: "pstore", Lines: d.Last(journal.MaxConsole)}
		return true
	})
	if err != nil {
		return err
	}
	return kept.Remove(m.Sys)
}

// text is the newest dumps for which there is room, the newest last.
func text(dumps []pstore.Dump) []byte {
	var parts []string
	size := 0
	for _, d := range dumps {
		part := fmt.Sprintf("=== a boot that was lost, by its clock at %s\n%s", d.When.UTC().Format(time.RFC3339), d.Text)
		if size += len(part); size > maxFile {
			break
		}
		parts = append([]string{strings.TrimRight(part, "\n") + "\n"}, parts...)
	}
	return []byte(strings.Join(parts, ""))
}
