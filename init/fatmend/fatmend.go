// Package fatmend clears what a power cut left behind the ends of a FAT's directories (images/fatends), before the FAT is
// mounted: Linux would let nobody add a file there any more, so that a new slot is never good and no other can be written. It
// refuses a device that is in use.
package fatmend

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/images/fatends"
)

// Mend mends the file system on a block device, and says what it has cleared. What cannot be read or written is only told,
// because most of what the machine does with the file system works all the same.
func Mend(device string, logf func(string, ...any)) {
	dirs, err := mend(device)
	if len(dirs) > 0 {
		logf("%s: a power cut left names behind the end of %s; they are removed", device, strings.Join(dirs, ", "))
	}
	if err != nil {
		logf("%s: %v", device, err)
	}
}

// mend returns the directories with something behind their ends. A device that is in use was mended when it was mounted.
func mend(device string) (dirs []string, err error) {
	f, err := os.OpenFile(device, os.O_RDWR|unix.O_EXCL, 0)
	if errors.Is(err, unix.EBUSY) || errors.Is(err, os.ErrNotExist) { // to mount it will say that it is missing
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	found, err := fatends.Find(f, size)
	for _, s := range found {
		if !slices.Contains(dirs, s.Dir) {
			dirs = append(dirs, s.Dir)
		}
	}
	if len(found) == 0 {
		return nil, err
	}
	if failed := errors.Join(fatends.Clear(f, found), f.Sync()); failed != nil {
		return nil, errors.Join(err, fmt.Errorf("names behind the end of %s, which a power cut left, cannot be removed: %w", strings.Join(dirs, ", "), failed))
	}
	return dirs, err
}
