// Package blackbox is the format of the black box: a file of fixed size in the boot partition in which a slot on trial leaves,
// a sector at a time, how far it came, and from which the slot that runs afterwards tells why the trial failed. A sector that is torn
// is taken for one that was never written.
//
// It does no input or output, and it decides nothing: which slot is started is the boot state's business (images/bootstate).
package blackbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/proa-os/proa/images/layout"
)

// State says how the step of a record stands.
type State string

// The states. The first three are of a try, the others of the slot as a whole.
const (
	Started State = "started" // and nobody has heard how it ended
	Failed  State = "failed"
	Ended   State = "ended" // the machine went down in order before the slot was good

	Fresh   State = "fresh"    // the slot was written anew or put on trial: what was told before is of no interest
	GivenUp State = "given-up" // another slot runs in its stead
	Good    State = "good"
)

// ofSlot tells a verdict over a slot from what one try has left.
func (s State) ofSlot() bool { return s == Fresh || s == GivenUp || s == Good }

// Record is one sector.
type Record struct {
	Seq   uint64 // the higher one was written later
	Slot  layout.Slot
	Try   int // 1 to MaxTries; of a verdict: how many there were
	State State
	After time.Duration // since the kernel started
	Root  string        // begin of the root hash: which image it was
	Step  string        // "stage2 network"
	Error string        // short
}

// magic ends in the version of this format.
const magic = "proa-blackbox-1"

// crcAt is where the CRC-32 of everything before it lies.
const crcAt = layout.Sector - 4

// Encode returns a sector: lines of text, so that a person can read the file too. What is too long is cut, at its end.
func Encode(r Record) []byte {
	r = r.clean()
	b := make([]byte, layout.Sector)
	copy(b, r.text())
	binary.BigEndian.PutUint32(b[crcAt:], crc32.ChecksumIEEE(b[:crcAt]))
	return b
}

func (r Record) text() string {
	return fmt.Sprintf("%s\nseq=%d\nslot=%s\ntry=%d\nstate=%s\nms=%d\nroot=%s\nstep=%s\nerror=%s\n",
		magic, r.Seq, r.Slot, r.Try, r.State, r.After.Milliseconds(), r.Root, r.Step, r.Error)
}

// clean makes every value one that reads back as it is.
func (r Record) clean() Record {
	r.After = r.After.Truncate(time.Millisecond)
	r.Root, r.Step, r.Error = oneLine(r.Root, 16), oneLine(r.Step, 64), oneLine(r.Error, layout.Sector)
	r.Error = oneLine(r.Error, crcAt-len(r.text())+len(r.Error))
	return r
}

// oneLine has at most limit bytes, no half letters and nothing that would end a line.
func oneLine(s string, limit int) string {
	s = strings.Join(strings.FieldsFunc(s, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) || c == utf8.RuneError }), " ")
	for len(s) > limit {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return strings.TrimRight(s, " ")
}

// errNone is of sectors that hold no record: new ones, and torn ones.
var errNone = errors.New("no record")

// Decode reads what Encode wrote, and nothing else.
func Decode(b []byte) (Record, error) {
	if len(b) != layout.Sector || binary.BigEndian.Uint32(b[crcAt:]) != crc32.ChecksumIEEE(b[:crcAt]) {
		return Record{}, errNone
	}
	said, _, _ := bytes.Cut(b[:crcAt], []byte{0})
	lines := strings.Split(string(said), "\n")
	if len(lines) != 10 || lines[0] != magic {
		return Record{}, errNone
	}
	var values [8]string
	for i, line := range lines[1:9] {
		_, values[i], _ = strings.Cut(line, "=")
	}
	r := Record{Slot: layout.Slot(values[1]), State: State(values[3]), Root: values[5], Step: values[6], Error: values[7]}
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
