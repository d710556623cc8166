package aftergood

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/sys"
)

// pstore is where the kernel shows what firmware or memory has kept of an earlier boot's messages.
const pstore = "/sys/fs/pstore"

// maxKept is how much of a file of pstore is read.
const maxKept = 1 << 20

// Cause says why the last boot ended without a shutdown, "" if nothing tells. reset: a watchdog's driver says that this
// watchdog reset the machine. Of the kernel's messages only those after since count; older ones may lie there for years.
func Cause(s sys.Sys, root string, reset bool, since time.Time) string {
	if reset {
		return Watchdog
	}
	if s.Mount("pstore", pstore, "pstore", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "") == nil {
		defer func() { _ = s.Unmount(pstore, 0) }() // whoever wants it later mounts it
	}
	for _, pattern := range []string{"dmesg-*", "console-ramoops*"} {
		files, _ := filepath.Glob(filepath.Join(root, pstore, pattern))
		for _, file := range files {
			if said := panicIn(file, since); said != "" {
				return said
			}
		}
	}
	return ""
}

// panicIn returns the kernel's line about its panic, "" if there is none in the file.
func panicIn(file string, since time.Time) string {
	st, err := os.Stat(file)
	if err != nil || st.ModTime().Before(since) || st.Size() > maxKept {
		return ""
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	const mark = "Kernel panic - not syncing: "
	at := bytes.LastIndex(text, []byte(mark))
	if at < 0 {
		return ""
	}
	line, _, _ := bytes.Cut(text[at+len(mark):], []byte("\n"))
	return "the kernel panicked: " + printable(line[:min(len(line), 120)])
}

func printable(b []byte) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(string(b), "?"))
}
