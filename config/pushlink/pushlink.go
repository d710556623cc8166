// Package pushlink is what `proa push` on a host and the engine on a node say to each other over one SSH connection. The
// engine asks for ranges of a release's files, on its standard output; the host answers on its standard input, with a line
// of JSON and the bytes. The node listens nowhere for it, and its SSH server needs to forward nothing.
//
// It refuses lines that are too long and ranges that make no sense. It verifies no contents: who reads knows their hashes,
// and names are checked by whoever opens files.
package pushlink

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Format is the format of the conversation. An engine refuses a host with another one.
const Format = 1

// Place is how the engine's command line names the host as its source: proa upgrade apply -.
const Place = "-"

// Limits in bytes.
const (
	MaxLine  = 8 << 10 // of JSON
	MaxRange = 1 << 20 // of one answer; what an engine gives up of it is read and dropped
)

// Kind is what the host has.
type Kind string

// The kinds.
const (
	Repository Kind = "repository" // files under metadata/ and targets/
	SlotFile   Kind = "slot file"  // one file, SlotName
)

// SlotName is the name of the only file of a host that has a slot file.
const SlotName = "proa.slot"

// Request is what the engine says. The first one has no name, and asks who is there; the last one has Ended.
type Request struct {
	Name   string `json:"name,omitempty"`
	From   int64  `json:"from,omitempty"`   // first byte
	Length int64  `json:"length,omitempty"` // at most, up to MaxRange; 0: only the size is wanted
	Ended  *Ended `json:"ended,omitempty"`
}

// Ended is how a run of the engine ended. Whether a trial succeeds is known after the restart only.
type Ended struct {
	Error   string `json:"error,omitempty"`
	Stopped bool   `json:"stopped,omitempty"` // with Error: by somebody; the same run goes on later
	Entry   int    `json:"entry,omitempty"`   // in the node's journal; 0: there is none
	Version string `json:"version,omitempty"` // that was taken, or runs
	Why     string `json:"why,omitempty"`     // it was taken or not, for people
	Runs    bool   `json:"runs,omitempty"`    // that version runs already
	Written bool   `json:"written,omitempty"` // the other slot has it
	Trying  bool   `json:"trying,omitempty"`  // and the next boot is a trial of it
}

// Answer is what the host says before the bytes.
type Answer struct {
	Size    int64  `json:"size"`             // of the file
	Length  int64  `json:"length,omitempty"` // of the bytes that follow
	Missing bool   `json:"missing,omitempty"`
	Error   string `json:"error,omitempty"`

	// The first answer has these.
	Format int    `json:"format,omitempty"`
	Kind   Kind   `json:"kind,omitempty"`
	Host   string `json:"host,omitempty"` // for people
}

// Write writes a request or an answer as one line.
func Write(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(line) >= MaxLine {
		return fmt.Errorf("a line of %d bytes is longer than %d", len(line), MaxLine)
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// Read reads a request or an answer. io.EOF: the other side has ended in order.
func Read(r *bufio.Reader, v any) error {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), len(line) > MaxLine:
		return fmt.Errorf("a line is longer than %d bytes", MaxLine)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	}
	if err := json.Unmarshal(line, v); err != nil {
		return errors.New("what arrives is not what proa push and proa upgrade say to each other")
	}
	return nil
}
