// Package share is a small file in memory by which the program that writes a slot tells the service that gives pieces to
// others how far it is. It is only a note: who reads it must know that the writer lives (init/upgrade/claim), and who
// gets a piece compares its hash.
package share

import (
	"encoding/json"
	"errors"
	"os"

	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/init/upgrade/peers/question"
)

// File is where it lies.
const File = "/run/proa/upgrade-peers.json"

// Note is its content.
type Note struct {
	Manifest string         `json:"manifest"` // text of the slot's
	State    question.State `json:"state"`
	Boot     bool           `json:"boot"`  // all boot files are on the medium
	Root     int64          `json:"root"`  // bytes of the root that are on the medium
	Moved    int64          `json:"moved"` // grows as the writer gets on
}

// Write replaces it.
func Write(path string, n Note) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, append(b, '\n'), 0o600)
}

// Read returns what was written last.
func Read(path string) (n Note, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal(b, &n)
}

// Remove removes it.
func Remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
