package runtime

import (
	"os"
	"runtime/debug"
	"time"
)

// Garbage is collected rarely while starting, where it would cost the processor time that deadlines inside Kubernetes
// wait for, and often afterwards: an edge board has less memory than time then.
const (
	gcStarting = 200
	gcRunning  = 20
)

// collect sets how much garbage may gather, in per cent of what is in use, unless the environment does.
func collect(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// settleAgain is how long after the node became Ready its first pods have started, which is a part of the start.
const settleAgain = 2 * time.Minute

// settle gives back what only the start needed.
func settle() {
	collect(gcRunning)
	debug.FreeOSMemory()
	giveBackCode()
}
