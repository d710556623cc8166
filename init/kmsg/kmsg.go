// Package kmsg returns the last lines of the kernel's log, in which PID 1 writes its own console lines too. It refuses
// lines that may have secrets: the kernel command line is configuration, and its words may be tokens. It reads no log of a
// service or container.
package kmsg

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config/nodeupgrade"
)

// Mark begins the lines that PID 1 writes to the kernel's log, after level and time.
const Mark = "proa: "

// maxLine is the length in bytes of a line that is returned.
const maxLine = 160

// tail is how much of the log is read. With a buffer that is smaller than the log the kernel returns its end.
const tail = 16 << 10

// Last returns the newest lines of the running kernel's log, the newest last; none if it cannot be read.
func Last(most int) []string {
	const readAll = 3 // SYSLOG_ACTION_READ_ALL of syslog(2)
	buf := make([]byte, tail)
	n, err := unix.Klogctl(readAll, buf)
	if err != nil || n <= 0 {
		return nil
	}
	text := string(buf[:n])
	if n == tail {
		_, text, _ = strings.Cut(text, "\n") // the first line is the end of one
	}
	lines := Shown(text)
	return lines[max(0, len(lines)-most):]
}

// Shown returns the lines of a kernel log, as the kernel or pstore returns it, without their levels: PID 1's, and the
// kernel's own but those for debugging.
func Shown(log string) (lines []string) {
	for line := range strings.Lines(log) {
		level, text := split(strings.TrimRight(line, "\r\n"))
		debugging := level == '7' && !strings.Contains(text, Mark)
		if text = nodeupgrade.Line(text, maxLine); text == "" || debugging || secret(text) {
			continue
		}
		lines = append(lines, text)
	}
	return lines
}

// split cuts off the level, "<6>"; ' ' if there is none, as in what was written to a serial console.
func split(line string) (level byte, text string) {
	head, text, found := strings.Cut(line, ">")
	if !found || len(head) < 2 || head[0] != '<' || strings.Trim(head[1:], "0123456789") != "" {
		return ' ', line
	}
	return '0' + digits(head[1:])&7, text // above the three bits is the facility
}

func digits(s string) (n byte) {
	for _, c := range []byte(s) {
		n = n*10 + c - '0'
	}
	return n
}

// secret: "Kernel command line: …", "Unknown kernel command line parameters …".
func secret(line string) bool { return strings.Contains(line, "ommand line") }
