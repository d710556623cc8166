package fat

import (
	"fmt"
	"io"
	"os"

	"github.com/diskfs/go-diskfs/filesystem/fat12"
	"github.com/diskfs/go-diskfs/filesystem/fat32"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// ReadFile returns the content of one file, exactly as long as its directory entry says. go-diskfs provides only the
// cluster chain: its Read returns bytes after the end of the file in the last cluster, and zeros for a sector that
// cannot be read.
func ReadFile(img Image, at, size int64, name string) ([]byte, error) {
	w := sparse.NewWindow(newOverlay(img), at, size)
	err := mirrored(w)
	if err != nil {
		return nil, fmt.Errorf("fat: %w", err)
	}
	fs, err := fat32.Read(w, size, 0, layout.Sector)
	if err != nil {
		return nil, fmt.Errorf("fat: %w", err)
	}
	f, err := fs.OpenFile("/"+name, os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("fat: %w", err)
	}
	file, ok := f.(*fat12.File) // fat32 uses fat12's type
	if !ok {
		return nil, fmt.Errorf("fat: %s: BUG: a file is a %T", name, f)
	}
	data, err := content(w, file)
	if err != nil {
		return nil, fmt.Errorf("fat: %s: %w", name, err)
	}
	return data, nil
}

// content reads the runs of clusters of a file.
func content(r io.ReaderAt, file *fat12.File) ([]byte, error) {
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, fmt.Errorf("it is a directory")
	}
	if st.Size() == 0 {
		return []byte{}, nil // an empty file has no first cluster
	}
	runs, err := file.GetDiskRanges()
	if err != nil {
		return nil, err
	}
	var have uint64
	for _, run := range runs {
		have += run.Length
	}
	if have < uint64(st.Size()) { // checked before allocating memory, as a damaged entry may have any size
		return nil, fmt.Errorf("damaged: its clusters hold %d bytes, its entry says %d", have, st.Size())
	}
	data := make([]byte, st.Size())
	for rest := data; len(rest) > 0; runs = runs[1:] {
		part := rest[:min(uint64(len(rest)), runs[0].Length)]
		if _, err := r.ReadAt(part, int64(runs[0].Offset)); err != nil {
			return nil, err
		}
		rest = rest[len(part):]
	}
	return data, nil
}
