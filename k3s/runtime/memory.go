package runtime

import (
	"os"
	"runtime/debug"
	"time"
)

// GC percentages. During the start garbage is collected rarely, because it would take CPU time from deadlines inside
// Kubernetes; afterwards often, because an edge board then has less memory than time.
const (
	gcStarting = 200
	gcRunning  = 20
)

// collect sets the GC percentage (GOGC), unless the environment sets it.
func collect(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// settleAgain is the time after which the first pods have started, which is part of the start.
const settleAgain = 2 * time.Minute

// settle returns memory that only the start needed.
func settle() {
	collect(gcRunning)
	debug.FreeOSMemory()
	giveBackCode()
}
