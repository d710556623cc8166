package slotwrite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade/faults"
	"golang.org/x/sys/unix"
)

const (
	// chunk is the unit of reads and writes, at multiples of itself, so that no erase block is written in parts.
	chunk = 1 << 20
	// flushEvery limits the dirty data in memory, which a node needs otherwise.
	flushEvery = 8 * chunk
)

// openDevice opens the partition exclusively: it fails with EBUSY if that is mounted, or mapped like the running root.
func openDevice(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, how|os.O_EXCL, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, fmt.Errorf("%s is in use: %w", path, err)
	}
	return f, err
}

// copyTo writes r to a partition from a byte on up to size; all is on the medium when it returns.
func copyTo(path string, r io.Reader, begin, size int64, tick func(int64)) error {
	dev, err := openDevice(path, os.O_WRONLY)
	if err != nil {
		return err
	}
	defer dev.Close() // flushed above
	buf := make([]byte, chunk)
	for at := begin; at < size; {
		n, err := io.ReadFull(r, buf[:min(chunk, size-at)])
		if err != nil {
			return err
		}
		if _, err := dev.WriteAt(buf[:n], at); err != nil {
			return err
		}
		faults.At(fmt.Sprintf("slot: chunk %d written", at/chunk))
		if at += int64(n); at%flushEvery == 0 || at == size {
			if err := settle(dev); err != nil {
				return err
			}
			tick(at)
			faults.At(fmt.Sprintf("slot: flushed up to %d", at))
		}
	}
	return nil
}

// settle flushes to the medium and drops the page cache.
func settle(f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // only advice
	return nil
}

// writeFile renames the file to its name once all of it is on the medium.
func writeFile(path string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp := path + slotfile.TempSuffix
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = settle(f)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	faults.At("slot: before rename of " + filepath.Base(path))
	return os.Rename(tmp, path)
}

func writeBytes(path string, b []byte) error { return writeFile(path, bytes.NewReader(b)) }
