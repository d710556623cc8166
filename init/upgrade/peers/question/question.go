// Package question has the datagrams by which machines of a site find each other: the question who has a release or is
// fetching it, and the answer. Both have Size bytes, so that an answer is never longer than its question. The package
// refuses datagrams of another length or version, and answers whose numbers make no sense; it sends nothing.
package question

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/proa-os/proa/images/payload"
)

// Groups returns the multicast groups of questions, which no router passes on: IPv4's by a TTL of 1, IPv6's by its scope.
func Groups() (v4, v6 netip.Addr) {
	return netip.MustParseAddr("239.255.112.114"), netip.MustParseAddr("ff12::f072:6f61")
}

// Size is the length in bytes of a question and of an answer.
const Size = 128

// version is that of both. A machine that does not know one is silent.
const version = 1

// What a datagram is.
const (
	asks    = 'q'
	answers = 'a'
)

var magic = []byte("proa")

// State is how a machine has a release.
type State uint8

// The states.
const (
	// Asking: it is about to fetch it, unless somebody else does.
	Asking State = 1 + iota
	// Following: it takes it from others as they get on.
	Following
	// Fetching: it takes it from the server.
	Fetching
	// Has: all of it.
	Has
)

// Node names a machine to others: by a hash of its id, as the id itself is not for others.
type Node [16]byte

// Less is the order in which machines that begin at once go on.
func (n Node) Less(other Node) bool { return bytes.Compare(n[:], other[:]) < 0 }

// Nonce ties an answer to a question.
type Nonce [8]byte

// Question asks who has the slot with a manifest of that sha256.
type Question struct {
	Nonce    Nonce
	Manifest payload.Sum
}

// Answer says what a machine has of it.
type Answer struct {
	Nonce Nonce
	Node  Node
	State State
	Boot  bool   // it has all boot files
	Port  uint16 // TCP
	Root  int64  // bytes of the root image that it has
	Moved int64  // a number of bytes that grows as it gets on
	Name  string // for people, at most maxName bytes
}

const maxName = 63

// maxRoot is the greatest number of bytes that is believed.
const maxRoot = 1 << 40

// Encode returns the datagram.
func (q Question) Encode() []byte {
	b := begin(asks)
	b = append(b, q.Nonce[:]...)
	b = append(b, q.Manifest[:]...)
	return append(b, make([]byte, Size-len(b))...)
}

// Encode returns the datagram. A longer name is cut.
func (a Answer) Encode() []byte {
	b := begin(answers)
	b = append(b, a.Nonce[:]...)
	b = append(b, a.Node[:]...)
	boot := byte(0)
	if a.Boot {
		boot = 1
	}
	b = append(b, byte(a.State), boot)
	b = binary.BigEndian.AppendUint16(b, a.Port)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Root))
	b = binary.BigEndian.AppendUint64(b, uint64(a.Moved))
	name := a.Name[:min(len(a.Name), maxName)]
	b = append(append(b, byte(len(name))), name...)
	return append(b, make([]byte, Size-len(b))...)
}

func begin(kind byte) []byte {
	return append(append(make([]byte, 0, Size), magic...), version, kind, 0, 0)
}

var errForeign = errors.New("not a datagram of this version of proa")

// body returns what follows the head.
func body(b []byte, kind byte) ([]byte, error) {
	if len(b) != Size || !bytes.Equal(b[:8], begin(kind)) {
		return nil, errForeign
	}
	return b[8:], nil
}

// ParseQuestion reads what Encode wrote.
func ParseQuestion(b []byte) (q Question, err error) {
	if b, err = body(b, asks); err != nil {
		return q, err
	}
	b = b[copy(q.Nonce[:], b):]
	b = b[copy(q.Manifest[:], b):]
	return q, padding(b)
}

// ParseAnswer reads what Encode wrote. Of the name only what a terminal shows as text is kept.
func ParseAnswer(b []byte) (a Answer, err error) {
	if b, err = body(b, answers); err != nil {
		return a, err
	}
	b = b[copy(a.Nonce[:], b):]
	b = b[copy(a.Node[:], b):]
	a.State, a.Boot, a.Port = State(b[0]), b[1] == 1, binary.BigEndian.Uint16(b[2:])
	root, moved, length := binary.BigEndian.Uint64(b[4:]), binary.BigEndian.Uint64(b[12:]), int(b[20])
	if a.State < Asking || a.State > Has || b[1] > 1 || a.Port == 0 || root > maxRoot || moved > maxRoot || length > maxName {
		return Answer{}, fmt.Errorf("an answer of state %d, port %d, %d bytes of the root, a name of %d bytes", a.State, a.Port, root, length)
	}
	a.Root, a.Moved, a.Name = int64(root), int64(moved), printable(b[21:21+length])
	return a, padding(b[21+length:])
}

func padding(b []byte) error {
	if len(bytes.Trim(b, "\x00")) > 0 {
		return errForeign
	}
	return nil
}

func printable(b []byte) string {
	if !utf8.Valid(b) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, string(b))
}
