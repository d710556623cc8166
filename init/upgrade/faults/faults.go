// Package faults has named points in the engine of upgrades, between two changes of disk or journal, at which a test ends
// the engine in the way that it wants. At does nothing unless a hook is set, and only a call of Set in the same program
// sets one: no environment, file, argument or server can, and no program of the device calls it. A test in init/upgrade
// makes sure of that.
package faults

import "sync/atomic"

var hook atomic.Pointer[func(point string)]

// At calls the hook with the name of a point.
func At(point string) {
	if f := hook.Load(); f != nil {
		(*f)(point)
	}
}

// Set sets the hook, nil for none. Only tests call it.
func Set(f func(point string)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}
