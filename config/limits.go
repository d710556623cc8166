package config

import (
	"io"
	"os"
)

// What one document may cost. PID 1 reads it: whatever a person, or a damaged card, put there must not keep the machine from
// coming up.
const (
	// MaxSize of a document; larger ones are not read.
	MaxSize = 1 << 20
	// maxProblems that are reported; who has more looks at them after those are mended.
	maxProblems = 100
	// maxValues that are looked at; aliases make a few lines stand for more than any memory holds.
	maxValues = 1 << 18
)

// Read returns a file for Load, and of one that is too large only as much as Load needs to see that.
func Read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxSize+1))
}
