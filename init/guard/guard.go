// Package guard turns a panic into an error: of what PID 1 runs, much is other people's code, and its panic would be the machine's. It
// refuses to judge: what follows is the caller's.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Panic is what a function panicked with.
type Panic struct {
	Value any
	Stack []byte // as debug.Stack has it
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Call calls f. A panic on f's own goroutine is returned as a *Panic; on another one it ends the process as ever.
func Call(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Panic{p, debug.Stack()}
		}
	}()
	return f()
}
