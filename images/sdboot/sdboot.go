// Package sdboot names and writes systemd-boot entries with boot counters.
package sdboot

import "github.com/proa-os/proa/images/layout"

// Name is a parsed entry file name: proa-a+2-1.conf.
type Name struct {
	Slot    layout.Slot
	Counted bool // false: blessed
	Left    int
	Done    int
}

// ParseName reads a file name below loader/entries; ok is false for entries that are not proa's.
func ParseName(file string) (n Name, ok bool) { return Name{}, false }

// String is the file name.
func (n Name) String() string { return "" }

// Blessed is the name without counters: what a good slot's file is renamed to.
func (n Name) Blessed() Name { return n }

// Trial is the name of a slot's entry that has not been tried yet: proa-b+3.conf.
func Trial(slot layout.Slot) Name { return Name{} }

// Entry is the content of an entry file.
type Entry struct {
	Slot     layout.Slot
	Title    string // "proa v1.2"
	Sequence uint64 // higher is booted first; a trial takes the other slot's + 1
	Cmdline  string
}

// Text is the file; ParseEntry reads it back.
func (e Entry) Text() []byte { return nil }

// LoaderConf is /loader/loader.conf.
func LoaderConf() []byte { return nil }
