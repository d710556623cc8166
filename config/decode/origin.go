package decode

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// Place is where something is written: a source, and line and column in it, from 1.
type Place struct {
	File         string
	Line, Column int
}

func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

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

// saved is an Origin in a file.
type saved struct {
	At   *Place             `yaml:"at,omitempty,flow"`
	Keys map[string]*Origin `yaml:"keys,omitempty"`
}

// MarshalYAML is for files of programs that show where a value came from.
func (o *Origin) MarshalYAML() (any, error) {
	s := saved{Keys: o.keys}
	if o.place.Line != 0 {
		s.At = &o.place
	}
	return s, nil
}

// UnmarshalYAML reads what MarshalYAML wrote.
func (o *Origin) UnmarshalYAML(n *yaml.Node) error {
	var s saved
	if err := n.Decode(&s); err != nil {
		return err
	}
	o.keys = s.Keys
	if s.At != nil {
		o.place = *s.At
	}
	return nil
}

// Any says whether any value is written.
func (o *Origin) Any() bool {
	if o == nil {
		return false
	}
	for _, below := range o.keys {
		if below.Any() {
			return true
		}
	}
	return o.place.Line != 0
}
