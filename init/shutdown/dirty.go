package shutdown

import (
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/config/step"
)

// How often the amount of dirty data is checked, and how many checks there are between two reports of it.
const (
	lookEvery = time.Second
	sayEvery  = 10
)

// whileWriting makes a step's limit start again whenever the amount of dirty data has decreased.
func whileWriting(write func(context.Context, *Machine) error) func(context.Context, *Machine) error {
	return func(ctx context.Context, m *Machine) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		go watchDirty(ctx, m)
		return write(ctx, m)
	}
}

func watchDirty(ctx context.Context, m *Machine) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for n, least := 1, int64(math.MaxInt64); ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		left := dirty(m.Root)
		if left < least {
			least = left
			step.Moved(ctx)
		}
		if n%sayEvery == 0 {
			m.Logf("shutdown: %d MiB are still to be written to disk; do not switch off", left>>20)
		}
	}
}

// dirty returns how many bytes the kernel has still to write (proc_meminfo(5): Dirty and Writeback, in kB).
func dirty(root string) int64 {
	text, _ := os.ReadFile(root + "/proc/meminfo") // on an error it is 0: no progress
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
