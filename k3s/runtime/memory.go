package runtime

import (
	"os"
	"runtime/debug"
)

// Garbage is collected rarely while starting, where it would cost the processor time that deadlines inside Kubernetes
// wait for, and often afterwards: an edge board has less memory than time then.
const (
	gcStarting = 200
	gcRunning  = 30
)

// collect sets how much garbage may gather, in per cent of what is in use, unless the environment does.
func collect(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// settle gives back what only the start needed.
func settle() {
	collect(gcRunning)
	debug.FreeOSMemory()
}
