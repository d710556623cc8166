package slotwrite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/verity"
	"golang.org/x/sys/unix"
)

// hashBoot verifies the boot files that are written so far.
func hashBoot(ctx context.Context, j *job) error {
	return j.hashFiles(ctx, func(f slotfile.File) bool { return !j.late(f) })
}

// hashAll verifies all boot files.
func hashAll(ctx context.Context, j *job) error {
	return j.hashFiles(ctx, func(slotfile.File) bool { return true })
}

func (j *job) hashFiles(ctx context.Context, want func(slotfile.File) bool) error {
	return j.Slots.Files(j.slot, false, func(dir string) error {
		for _, f := range j.m.Files {
			name, ok := f.For(j.slot)
			if !ok || !want(f) {
				continue
			}
			if err := checkFile(ctx, filepath.Join(dir, name), f); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

// hashRoot verifies the root image with its hash tree.
func hashRoot(ctx context.Context, j *job) error {
	root := j.rootImage()
	return checkSum(ctx, j.Device, root, func(done int64) { j.tick("check "+slotfile.RootName, done, root.Size) })
}

// checkVerity verifies the first blocks of the hash tree against the root hash.
func checkVerity(_ context.Context, j *job) error {
	return verity.CheckDevice(j.Device, j.m.Root.Image, j.m.Root.Hash)
}

// checkFile verifies size and checksum of a file.
func checkFile(ctx context.Context, path string, want slotfile.File) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != want.Size {
		return fmt.Errorf("%d bytes, the manifest says %d", info.Size(), want.Size)
	}
	return checkSum(ctx, path, want, func(int64) {})
}

// checkSum verifies the checksum of a file, or of the beginning of a partition, on the medium.
func checkSum(ctx context.Context, path string, want slotfile.File, tick func(int64)) error {
	f, err := uncached(path)
	if err != nil {
		return err
	}
	defer f.Close()
	// O_DIRECT requires aligned memory.
	buf, err := unix.Mmap(-1, 0, chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	defer unix.Munmap(buf)
	sum := sha256.New()
	for at := int64(0); at < want.Size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(chunk, want.Size-at)
		if got, err := f.ReadAt(buf, at); int64(got) < n { // at the end a short read is enough
			return fmt.Errorf("read %s at %d: %w", path, at, errors.Join(err, io.ErrUnexpectedEOF))
		}
		sum.Write(buf[:n])
		at += n
		tick(at)
	}
	if have := hex.EncodeToString(sum.Sum(nil)); have != want.SHA256 {
		return fmt.Errorf("checksum mismatch on the medium: sha256 is %s…, the manifest says %s…", have[:12], want.SHA256[:12])
	}
	return nil
}

// uncached opens a file or device bypassing the page cache. On tmpfs there is nothing to bypass.
func uncached(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		return os.Open(path)
	}
	return f, err
}

// keep reads a file into memory and compares its checksum.
func keep(ctx context.Context, from Source, f slotfile.File) ([]byte, error) {
	b, err := io.ReadAll(&content{ctx: ctx, from: from, file: f})
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, fmt.Errorf("checksum mismatch: sha256 is %x…, the manifest says %s…", sum[:6], f.SHA256[:12])
	}
	return b, nil
}
