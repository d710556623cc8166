// Package blackbox is the format of the black box: a file of fixed size in the boot partition, to which a slot on trial
// writes one sector for each step it begins, and from which the slot that runs afterwards reports why the trial failed.
// A torn sector counts as never written.
//
// The package does no I/O and decides nothing: which slot is started follows from the boot state (images/bootstate).
package blackbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/proa-os/proa/images/layout"
)

// State is the outcome of a record's step.
type State string

// The states. The first three are outcomes of a try, the others verdicts about the slot.
const (
	Started State = "started" // the step began; a later record says how it ended
	Failed  State = "failed"
	Ended   State = "ended" // the machine shut down in order before the slot was good

	Fresh   State = "fresh"    // the slot was written or put on trial: all earlier records are void
	GivenUp State = "given-up" // the boot loader went back to the other slot
	Good    State = "good"
)

// ofSlot says whether the record is a verdict about the slot and not the outcome of a try.
func (s State) ofSlot() bool { return s == Fresh || s == GivenUp || s == Good }

// Record is one sector.
type Record struct {
	Seq   uint64 // sequence number: the record with the higher one is newer
	Slot  layout.Slot
	Try   int // 1 to MaxTries; in a verdict: the number of tries made
	State State
	After time.Duration // since the kernel started
	Root  string        // first digits of the root hash, which identify the image
	Step  string        // "stage2 network"
	Error string        // short
	// Console is the newest lines of the console when the record was written, the newest last: as many as there is room for.
	Console []string
}

// newline separates error and lines of the console in the value of the last line of a sector. Readers from before there
// were such lines take all of it for the error, which they show if the step has failed.
const newline = "␤"

// magic ends in the version of this format.
const magic = "proa-blackbox-1"

// crcAt is the offset of the CRC-32 of everything before it.
const crcAt = layout.Sector - 4

// Encode returns one sector of text lines, which people can read in the file too. Values that are too long are
// truncated.
func Encode(r Record) []byte {
	r = r.clean()
	b := make([]byte, layout.Sector)
	copy(b, r.text())
	binary.BigEndian.PutUint32(b[crcAt:], crc32.ChecksumIEEE(b[:crcAt]))
	return b
}

func (r Record) text() string {
	return fmt.Sprintf("%s\nseq=%d\nslot=%s\ntry=%d\nstate=%s\nms=%d\nroot=%s\nstep=%s\nerror=%s\n",
		magic, r.Seq, r.Slot, r.Try, r.State, r.After.Milliseconds(), r.Root, r.Step, strings.Join(append([]string{r.Error}, r.Console...), newline))
}

// clean changes every value so that Decode reads it back unchanged. Of the console the oldest lines go first.
func (r Record) clean() Record {
	lines := r.Console
	r.After, r.Console = r.After.Truncate(time.Millisecond), nil
	r.Root, r.Step, r.Error = oneLine(r.Root, 16), oneLine(r.Step, 64), oneLine(r.Error, layout.Sector)
	r.Error = oneLine(r.Error, crcAt-len(r.text())+len(r.Error))
	room := crcAt - len(r.text())
	for i := len(lines) - 1; i >= 0; i-- {
		line := oneLine(lines[i], maxConsole)
		if line == "" {
			continue
		}
		if room -= len(newline); room < min(len(line), minConsole) {
			break
		}
		line = oneLine(line, room)
		r.Console = append(r.Console, line)
		room -= len(line)
	}
	slices.Reverse(r.Console)
	return r
}

// maxConsole is the length in bytes of a line of the console, so that there is room for several. One that would be cut to
// fewer than minConsole says nothing.
const (
	maxConsole = 120
	minConsole = 24
)

// oneLine truncates s to limit bytes without cutting a UTF-8 character, and replaces line breaks.
func oneLine(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(s, func(c rune) bool {
		return unicode.IsSpace(c) || !unicode.IsPrint(c) || c == utf8.RuneError || string(c) == newline
	}), " ")
	for len(s) > limit {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return strings.TrimRight(s, " ")
}

// errNone is returned for sectors that contain no record: unused and torn ones.
var errNone = errors.New("no record")

// Decode reads what Encode wrote and refuses everything else.
func Decode(b []byte) (Record, error) {
	if len(b) != layout.Sector || binary.BigEndian.Uint32(b[crcAt:]) != crc32.ChecksumIEEE(b[:crcAt]) {
		return Record{}, errNone
	}
	text, _, _ := bytes.Cut(b[:crcAt], []byte{0})
	lines := strings.Split(string(text), "\n")
	if len(lines) != 10 || lines[0] != magic {
		return Record{}, errNone
	}
	var values [8]string
	for i, line := range lines[1:9] {
		_, values[i], _ = strings.Cut(line, "=")
	}
	r := Record{Slot: layout.Slot(values[1]), State: State(values[3]), Root: values[5], Step: values[6]}
	said := strings.Split(values[7], newline)
	r.Error, r.Console = said[0], said[1:]
	if len(r.Console) == 0 {
		r.Console = nil
	}
	var err1, err2, err3 error
	var ms int64
	r.Seq, err1 = strconv.ParseUint(values[0], 10, 64)
	r.Try, err2 = strconv.Atoi(values[2])
	ms, err3 = strconv.ParseInt(values[4], 10, 64)
	r.After = time.Duration(ms) * time.Millisecond
	if errors.Join(err1, err2, err3) != nil || !r.valid() || !bytes.Equal(Encode(r), b) {
		return Record{}, errNone
	}
	return r, nil
}

func (r Record) valid() bool {
	_, err := layout.ParseSlot(string(r.Slot))
	try := r.State == Started || r.State == Failed || r.State == Ended
	return err == nil && (try && r.Try >= 1 && r.Try <= MaxTries || r.State.ofSlot() && r.Try >= 0)
}
