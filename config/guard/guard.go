// Package guard turns a panic into an error, because a panic in PID 1 is a kernel panic. It covers one goroutine: a
// panic on another one still ends the process.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Panic is the error for a panic.
type Panic struct {
	Value any
	Stack []byte // as debug.Stack returns it
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Call calls f, and returns its error, or a *Panic if it panicked.
func Call(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Panic{p, debug.Stack()}
		}
	}()
	return f()
}
