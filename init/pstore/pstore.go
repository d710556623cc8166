// Package pstore reads what the kernel kept of the messages of boots that were lost: in firmware (EFI variables, ERST), or
// in memory that outlives a restart (ramoops). Records are removed only when the caller says that they are stored
// elsewhere, because firmware has little room for them and wears out. It reads nothing that programs wrote there (pmsg), and
// no record that is damaged or larger than a kernel writes.
package pstore

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/kmsg"
	"github.com/proa-os/proa/init/sys"
)

// Dir is where the kernel shows the records.
const Dir = "/sys/fs/pstore"

// maxRecord is how large a record may be in bytes. maxRecords is how many are read; firmware has room for some hundred.
const (
	maxRecord  = 1 << 20
	maxRecords = 1000
)

// together is the longest time between the first and the last part of one dump.
const together = 10 * time.Second

// Dump is what was kept of one boot's end.
type Dump struct {
	When  time.Time // by the clock of that boot, which may not have been set
	Panic string    // what the kernel said when it panicked; "": it did not, as far as is known
	Text  string    // messages of the kernel, the newest last

	part int
	kind string
}

// Store is what there is.
type Store struct {
	Dumps []Dump // the newest first
	files []string
}

// Read reads all records. A machine whose kernel keeps none has none.
func Read(s sys.Sys, root string) (st Store) {
	mounted(s, func() {
		for _, pattern := range []string{"dmesg-*", "console-*"} {
			files, _ := filepath.Glob(filepath.Join(root, Dir, pattern))
			st.files = append(st.files, files[:min(len(files), maxRecords)]...)
		}
		var parts []Dump
		for _, f := range st.files {
			if d, ok := read(f); ok {
				parts = append(parts, d)
			}
		}
		st.Dumps = join(parts)
	})
	return st
}

// mounted calls do with pstore mounted; whoever wants it later mounts it.
func mounted(s sys.Sys, do func()) {
	if s.Mount("pstore", Dir, "pstore", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "") == nil {
		defer func() { _ = s.Unmount(Dir, 0) }()
	}
	do()
}

// Remove removes the records that were read, whether or not they could be understood.
func (st Store) Remove(s sys.Sys) (err error) {
	if len(st.files) == 0 {
		return nil
	}
	mounted(s, func() {
		for _, f := range st.files {
			if failed := os.Remove(f); failed != nil && !errors.Is(failed, os.ErrNotExist) {
				err = errors.Join(err, failed)
			}
		}
	})
	if err != nil {
		return fmt.Errorf("remove the kernel's records of lost boots: %w", err)
	}
	return nil
}

// read returns one record. Those that the kernel dumps begin with a line "Panic#1 Part2"; part 1 has the newest messages.
func read(file string) (d Dump, ok bool) {
	info, err := os.Stat(file)
	if err != nil || info.Size() > maxRecord || strings.HasSuffix(file, ".enc.z") { // it could not be decompressed
		return d, false
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return d, false
	}
	d = Dump{When: info.ModTime(), Text: string(text), part: 1}
	if head, rest, found := strings.Cut(d.Text, "\n"); found && strings.HasPrefix(filepath.Base(file), "dmesg-") {
		if n, _ := fmt.Sscanf(head, "%s Part%d", &d.kind, &d.part); n == 2 {
			d.Text = rest
		}
	}
	return d, true
}

// join makes one dump of its parts.
func join(parts []Dump) (dumps []Dump) {
	slices.SortStableFunc(parts, func(a, b Dump) int { return cmp.Or(a.When.Compare(b.When), cmp.Compare(a.part, b.part)) })
	for _, p := range parts {
		at := slices.IndexFunc(dumps, func(d Dump) bool {
			return p.part > 1 && d.kind == p.kind && d.part == p.part-1 && p.When.Sub(d.When) <= together
		})
		if at < 0 {
			dumps = append(dumps, p)
			continue
		}
		d := &dumps[at]
		d.Text, d.part = ended(p.Text)+d.Text, p.part
	}
	for i := range dumps {
		dumps[i].Panic = panicIn(dumps[i].Text)
	}
	slices.Reverse(dumps)
	return dumps
}

func ended(text string) string {
	if strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

const panicked = "Kernel panic - not syncing: "

// panicIn returns the kernel's line about its panic, "" if there is none.
func panicIn(text string) string {
	at := bytes.LastIndex([]byte(text), []byte(panicked))
	if at < 0 {
		return ""
	}
	line, _, _ := strings.Cut(text[at+len(panicked):], "\n")
	if lines := kmsg.Shown(line); len(lines) > 0 {
		return lines[0]
	}
	return "without a reason"
}

// afterPanic is how many lines after that of the panic are of use: the processor and the machine; a list of functions
// follows, which says less than what came before.
const afterPanic = 2

// Last returns the last lines of the dump, around the panic if there was one, the newest last.
func (d Dump) Last(most int) []string {
	lines := kmsg.Shown(d.Text)
	if at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, panicked) }); at >= 0 {
		lines = lines[:min(len(lines), at+1+afterPanic)]
	}
	return lines[max(0, len(lines)-most):]
}

// Since returns the newest dump of a panic that is not older than a time; nil: there is none. One that was made before the
// clock was set counts.
func (st Store) Since(t time.Time) *Dump {
	for i, d := range st.Dumps {
		if d.Panic != "" && (!d.When.Before(t) || d.When.Year() < 2000) {
			return &st.Dumps[i]
		}
	}
	return nil
}
