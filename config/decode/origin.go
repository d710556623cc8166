package decode

import "fmt"

// Place is where something is written: a source, and line and column in it, from 1.
type Place struct {
	File         string
	Line, Column int
}

// Problem returns a problem at this place.
func (p Place) Problem(format string, args ...any) Problem {
	return Problem{File: p.File, Line: p.Line, Column: p.Column, Message: fmt.Sprintf(format, args...)}
}

// Origin is where a value in force is written, and where those below its keys are. A list has one place for all entries.
type Origin struct {
	place Place // zero: it is the default, or only keys of it are written
	keys  map[string]*Origin
}

// Of returns the place of the value at a path of keys; of one that is not written, that of the nearest value around it.
// It is zero if there is none, also for a nil Origin.
func (o *Origin) Of(path ...string) (p Place) {
	for o != nil {
		if o.place.Line != 0 {
			p = o.place
		}
		if len(path) == 0 {
			break
		}
		o, path = o.keys[path[0]], path[1:]
	}
	return p
}

// key returns the origin of a key's value, to be filled in. It is nil for a nil Origin, which records nothing.
func (o *Origin) key(name string) *Origin {
	if o == nil {
		return nil
	}
	if o.keys[name] == nil {
		o.put(name, &Origin{})
	}
	return o.keys[name]
}

// put replaces the origin of a key's value.
func (o *Origin) put(name string, value *Origin) {
	if o == nil {
		return
	}
	if o.keys == nil {
		o.keys = map[string]*Origin{}
	}
	o.keys[name] = value
}

func (o *Origin) set(p Place) {
	if o != nil {
		o.place = p
	}
}
