package pushlink

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// File is an open file of a release.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64 // in bytes
}

// Host is the side that has the files.
type Host struct {
	Kind Kind
	Name string // for people
	// Open opens a file by its slash-separated name. The error is fs.ErrNotExist if there is none.
	Open func(name string) (File, error)
	// Sent is told how many bytes of contents were sent; may be nil.
	Sent func(n int64)
}

// ErrLost is returned if the engine is gone without having said how its run ended.
var ErrLost = errors.New("the connection ended before the node said how it went")

// Serve answers an engine until that is gone, and returns what it said last about how its run ended: it says so before
// it restarts the machine, and once more if that does not happen.
func (h Host) Serve(in io.Reader, out io.Writer) (Ended, error) {
	r := bufio.NewReaderSize(in, MaxLine)
	var said *Ended
	for {
		var ask Request
		switch err := Read(r, &ask); {
		case err != nil && said != nil:
			return *said, nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, fs.ErrClosed):
			return Ended{}, ErrLost
		case err != nil:
			return Ended{}, err
		case ask.Ended != nil:
			said = ask.Ended
			continue
		case ask.Name == "":
			if err := Write(out, Answer{Format: Format, Kind: h.Kind, Host: h.Name}); err != nil {
				return Ended{}, ErrLost
			}
			continue
		}
		if err := h.answer(out, ask); err != nil {
			return Ended{}, err
		}
	}
}

// answer sends a range of a file. A file that cannot be read is the engine's business, a connection that is gone the host's.
func (h Host) answer(out io.Writer, ask Request) error {
	f, err := h.Open(ask.Name)
	if err != nil {
		return lost(Write(out, Answer{Missing: errors.Is(err, fs.ErrNotExist), Error: err.Error()}))
	}
	defer f.Close() // only read
	if ask.From < 0 || ask.From > f.Size() || ask.Length < 0 || ask.Length > MaxRange {
		return lost(Write(out, Answer{Error: fmt.Sprintf("%s has no %d bytes at %d", ask.Name, ask.Length, ask.From)}))
	}
	length := min(ask.Length, f.Size()-ask.From)
	b := make([]byte, length)
	if n, err := f.ReadAt(b, ask.From); int64(n) < length {
		return lost(Write(out, Answer{Error: fmt.Sprintf("read %s: %v", ask.Name, err)}))
	}
	if err := Write(out, Answer{Size: f.Size(), Length: length}); err != nil {
		return ErrLost
	}
	if _, err := out.Write(b); err != nil {
		return ErrLost
	}
	if h.Sent != nil {
		h.Sent(length)
	}
	return nil
}

func lost(err error) error {
	if err != nil {
		return ErrLost
	}
	return nil
}
