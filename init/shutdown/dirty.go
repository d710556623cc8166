package shutdown

import (
	"os"
	"strconv"
	"strings"
)

// dirty returns how many bytes the kernel has still to write (proc_meminfo(5): Dirty and Writeback, in kB).
func dirty() int64 {
	text, _ := os.ReadFile("/proc/meminfo") // on an error it is 0: no progress
	return parseDirty(string(text))
}

func parseDirty(meminfo string) (bytes int64) {
	for _, l := range strings.Split(meminfo, "\n") {
		f := strings.Fields(l)
		if len(f) < 2 || f[0] != "Dirty:" && f[0] != "Writeback:" {
			continue
		}
		kb, _ := strconv.ParseInt(f[1], 10, 64)
		bytes += kb << 10
	}
	return bytes
}
