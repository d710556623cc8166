package supervise

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/proa-os/proa/images/atomicfile"
)

// A service's logs take at most (Kept+1) × MaxLog bytes, so that they cannot fill the data partition.
const (
	MaxLog = 8 << 20
	Kept   = 3
)

// Log is the log file of a service. The service writes into a pipe and PID 1 copies that to the file, because a process
// would keep writing to a rotated file.
type Log struct {
	path string
	w    *os.File
	done chan struct{}
	once sync.Once
}

// OpenLog opens the log and starts copying.
func OpenLog(dir, name string) (*Log, error) {
	_ = os.MkdirAll(dir, 0o750) // without the directory nothing is logged; the service runs nevertheless
	rd, wr, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	l := &Log{path: filepath.Join(dir, name+".log"), w: wr, done: make(chan struct{})}
	go l.copy(rd)
	return l, nil
}

// Writer returns the service's end of the pipe.
func (l *Log) Writer() *os.File { return l.w }

// CloseWriter closes our copy of that end, so that the pipe is closed with the service and its children.
func (l *Log) CloseWriter() { l.once.Do(func() { l.w.Close() }) }

// Close does not stop the copying: children of the service may still write.
func (l *Log) Close() { l.CloseWriter() }

// Limits of the queue for the disk in chunks, and of the time that the service is blocked before lines are dropped.
const (
	chunk       = 32 << 10
	logQueue    = 32
	logPatience = 2 * time.Second
)

// copy reads from the pipe even if the disk hangs, so that the service is not blocked.
func (l *Log) copy(rd *os.File) {
	defer rd.Close()
	chunks := make(chan []byte, logQueue)
	defer close(chunks)
	go l.keep(chunks)
	buf, stuck := make([]byte, chunk), false
	for {
		n, err := rd.Read(buf)
		if n > 0 {
			stuck = !pass(chunks, bytes.Clone(buf[:n]), stuck)
		}
		if err != nil {
			return
		}
	}
}

// pass queues text or drops it: at once if the text before was dropped.
func pass(to chan<- []byte, text []byte, stuck bool) bool {
	select {
	case to <- text:
		return true
	default:
	}
	if stuck {
		return false
	}
	late := time.NewTimer(logPatience)
	defer late.Stop()
	select {
	case to <- text:
		return true
	case <-late.C:
		return false
	}
}

func (l *Log) keep(chunks <-chan []byte) {
	defer close(l.done)
	var f *os.File
	for text := range chunks {
		f = l.write(f, text)
	}
	if f != nil {
		f.Close()
	}
}

// write appends the text or drops it, because a full or broken disk must not block the service. Copies of several runs
// may append to the same file, so each checks its size every time.
func (l *Log) write(f *os.File, text []byte) *os.File {
	if f != nil {
		if now, err := os.Stat(l.path); err != nil || !same(f, now) {
			f.Close()
			f = nil
		} else if now.Size()+int64(len(text)) > MaxLog {
			f.Close()
			f = nil
			rotate(l.path)
		}
	}
	if f == nil {
		var err error
		if f, err = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640); err != nil {
			return nil
		}
	}
	_, _ = f.Write(text)
	return f
}

func same(f *os.File, now os.FileInfo) bool {
	mine, err := f.Stat()
	return err == nil && os.SameFile(mine, now)
}

// rotate renames NAME.log → .1 → .2 → .3 and deletes the last. After a power cut each file still has one name; a log
// may lose its end, since it is not fsynced.
func rotate(path string) {
	for i := Kept; i > 1; i-- {
		_ = os.Rename(fmt.Sprintf("%s.%d", path, i-1), fmt.Sprintf("%s.%d", path, i)) // some may not exist yet
	}
	_ = os.Rename(path, path+".1")
	_ = atomicfile.SyncDir(filepath.Dir(path)) // an error must not stop the service
}

// LastLine returns the last line of a service's log, for a status line.
func LastLine(dir, name string) string {
	f, err := os.Open(filepath.Join(dir, name+".log"))
	if err != nil {
		return ""
	}
	defer f.Close()
	end, _ := f.Seek(0, 2)
	buf := make([]byte, min(end, 2048))
	if _, err := f.ReadAt(buf, end-int64(len(buf))); err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(buf)), "\n")
	return lines[len(lines)-1]
}
