package engine

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// guestBase is where QEMU puts the 4 GiB of an emulated program, so that its memory can be told from the emulator's.
const guestBase, guestSize uint64 = 0x100000000000, 1 << 32

// watcher looks at the memory of a process again and again.
type watcher struct {
	pid         int
	first, peak int64
	ended, done chan struct{}
}

// watch begins; of a process that is no emulator it measures nothing, because the kernel knows its peak.
func watch(pid int, emulated bool) *watcher {
	w := &watcher{pid: pid, ended: make(chan struct{}), done: make(chan struct{})}
	if !emulated {
		close(w.done)
		return w
	}
	w.first = guest(pid)
	go func() {
		defer close(w.done)
		for {
			w.peak = max(w.peak, guest(pid))
			select {
			case <-w.ended:
				return
			case <-time.After(pause):
			}
		}
	}()
	return w
}

func (w *watcher) stop() {
	close(w.ended)
	<-w.done
}

// guest returns the resident bytes of the program that a QEMU emulates; 0 if it has ended.
func guest(pid int) (n int64) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		return 0
	}
	defer f.Close() // it is only read
	inside := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if begin, _, ok := strings.Cut(line, "-"); ok && !strings.Contains(begin, ":") {
			if at, err := strconv.ParseUint(begin, 16, 64); err == nil {
				inside = at >= guestBase && at < guestBase+guestSize
				continue
			}
		}
		if v, ok := strings.CutPrefix(line, "Rss:"); ok && inside {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(v, "kB")), 10, 64)
			n += kib << 10
		}
	}
	return n
}
