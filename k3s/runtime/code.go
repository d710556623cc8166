package runtime

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// span is a range of addresses.
type span struct{ start, end uintptr }

// giveBackCode unmaps the pages of the program's own file. Most of them were needed for the start only: of 150 MB
// mapped by then a third is used again. The kernel evicts mapped pages of a program last; pages that are accessed again
// are mapped again from the page cache (madvise(2), MADV_DONTNEED).
func giveBackCode() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return // without it only memory is not saved
	}
	giveBack(exe)
}

// giveBack unmaps the pages of one file that are mapped by this process.
func giveBack(file string) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close() // opened for reading: a close error loses nothing
	for _, s := range codeOf(f, file) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, s.start, s.end-s.start, unix.MADV_DONTNEED) // errors are ignored: it is only advice
	}
}

// codeOf returns the read-only mappings of a file that are unmodified: pages that the dynamic linker or a debugger has
// changed would lose the change.
func codeOf(smaps io.Reader, file string) (out []span) {
	var at span
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 2 {
			continue
		}
		if strings.HasSuffix(f[0], ":") {
			if f[0] == "Private_Dirty:" && f[1] == "0" && at.end > 0 {
				out = append(out, at)
			}
			continue
		}
		at = span{}
		if len(f) >= 6 && f[5] == file && strings.HasPrefix(f[1], "r-") {
			at = parseSpan(f[0])
		}
	}
	return out
}

func parseSpan(s string) span {
	low, high, _ := strings.Cut(s, "-")
	start, err := strconv.ParseUint(low, 16, 64)
	end, err2 := strconv.ParseUint(high, 16, 64)
	if err != nil || err2 != nil || end <= start {
		return span{}
	}
	return span{uintptr(start), uintptr(end)}
}
