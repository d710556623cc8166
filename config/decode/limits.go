package decode

import (
	"io"
	"os"
)

// Limits of a document. It is read by PID 1: nothing in it, written by a user or left on a damaged card, may keep the
// machine from booting.
const (
	// MaxSize is the maximum size of a document in bytes; a larger one is not read.
	MaxSize = 1 << 20
	// MaxProblems is the number of problems that are reported.
	MaxProblems = 100
	// maxValues is the number of values that are decoded; aliases can make a small file expand to more than fits in
	// memory.
	maxValues = 1 << 18
)

// Read reads a file for Load, and of one that is too large only enough for Load to see that.
func Read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxSize+1))
}
