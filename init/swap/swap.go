// Package swap sets up what the configuration says of swapping: a compressed device in memory, and a file on the data
// partition. It refuses a file that would take more than half of what is free there. Without any, it removes the file of
// an earlier configuration. It runs once per boot, before anything is in swap.
package swap

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// File is the swap file, on the data file system itself, where no volume of a pod and no account reaches it.
const File = "/run/proa/data/swap"

// Memory is faster than any disk, so it is filled first.
const (
	zramPriority = 100
	filePriority = 10
)

// Setup is what Apply needs.
type Setup struct {
	Sys  sys.Sys
	Root string                  // prefix of paths that are read
	Load func(name string) error // loads a kernel module
	Disk bool                    // the data partition is mounted; otherwise it is in memory, and a file on it would be useless
}

// Apply turns swapping on. One kind that fails does not keep the other from being used.
func (s Setup) Apply(c config.Swap) error {
	return errors.Join(s.zram(c.Zram), s.file(int64(c.File)<<20))
}

// zram makes a device of a percentage of the memory. What it takes of the memory is what is in it, compressed.
func (s Setup) zram(percent int) error {
	if percent == 0 {
		return nil
	}
	if err := s.Load("zram"); err != nil {
		return fmt.Errorf("zram: this kernel has no such module: %w", err)
	}
	total, err := memory(s.Root)
	if err != nil {
		return fmt.Errorf("zram: %w", err)
	}
	size := total / 100 * int64(percent)
	size -= size % int64(os.Getpagesize())
	const device = "/sys/block/zram0/"
	// The kernel's default is the fastest algorithm; zstd takes half the memory, where there is one.
	if known, err := os.ReadFile(filepath.Join(s.Root, device, "comp_algorithm")); err == nil && strings.Contains(string(known), "zstd") {
		if err := s.Sys.WriteFile(device+"comp_algorithm", []byte("zstd"), 0o644); err != nil {
			return fmt.Errorf("zram: %w", err)
		}
	}
	if err := s.Sys.WriteFile(device+"disksize", []byte(strconv.FormatInt(size, 10)), 0o644); err != nil {
		return fmt.Errorf("zram: %w", err)
	}
	if err := s.Sys.WriteFile("/dev/zram0", Header(size, os.Getpagesize()), 0o600); err != nil {
		return fmt.Errorf("zram: %w", err)
	}
	return s.Sys.SwapOn("/dev/zram0", zramPriority)
}

// file makes the file, or removes it for size 0.
func (s Setup) file(size int64) error {
	if !s.Disk {
		if size == 0 {
			return nil
		}
		return errors.New("swap file: the data partition is not mounted")
	}
	path := filepath.Join(s.Root, File)
	if size == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("swap file: %w", err)
		}
		return nil
	}
	if err := Make(path, size); err != nil {
		return fmt.Errorf("swap file: %w", err)
	}
	return s.Sys.SwapOn(File, filePriority)
}

// Make makes a swap file without holes that only root can read; one of that size is used again. A power cut leaves one
// of the old or the new size, or none; the header is written anew at every boot.
func Make(path string, size int64) (err error) {
	if have, err := os.Lstat(path); err == nil && (have.Size() != size || !have.Mode().IsRegular()) {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			os.Remove(path) // half a file would only take space
		}
	}()
	if err := allocate(f, size); err != nil {
		return err
	}
	if _, err := f.WriteAt(Header(size, os.Getpagesize()), 0); err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Sync())
}

// allocate reserves the blocks of the file, unless that would leave too little for everything else.
func allocate(f *os.File, size int64) error {
	var st unix.Stat_t
	var fs unix.Statfs_t
	if err := errors.Join(unix.Fstat(int(f.Fd()), &st), unix.Fstatfs(int(f.Fd()), &fs)); err != nil {
		return err
	}
	free := int64(fs.Bavail) * int64(fs.Bsize)
	if missing := size - st.Blocks*512; missing > free/2 {
		return fmt.Errorf("%d MiB is more than half of the %d MiB that are free on the data partition", size>>20, free>>20)
	}
	return unix.Fallocate(int(f.Fd()), 0, 0, size)
}

// Header returns the first page of a swap area of that size in bytes (union swap_header of the kernel's
// include/linux/swap.h, version 1).
func Header(size int64, page int) []byte {
	h := make([]byte, page)
	binary.NativeEndian.PutUint32(h[1024:], 1)                          // version
	binary.NativeEndian.PutUint32(h[1028:], uint32(size/int64(page)-1)) // last_page
	binary.NativeEndian.PutUint32(h[1032:], 0)                          // nr_badpages
	rand.Read(h[1036:1052])                                             // sws_uuid; never fails
	h[1036+6], h[1036+8] = h[1036+6]&0x0f|0x40, h[1036+8]&0x3f|0x80     // a random UUID, RFC 9562
	copy(h[1052:1068], "proa-swap")                                     // sws_volume
	copy(h[page-10:], "SWAPSPACE2")
	return h
}

// memory returns the size of the machine's memory in bytes.
func memory(root string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(root, "/proc/meminfo"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kB, err := strconv.ParseInt(f[1], 10, 64)
			return kB << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo has no MemTotal")
}

// InUse returns the devices and files that are used for swapping.
func InUse(root string) (paths []string) {
	text, _ := os.ReadFile(filepath.Join(root, "/proc/swaps")) // a kernel without swapping has no such file
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[0], "/") {
			paths = append(paths, strings.ReplaceAll(f[0], `\040`, " "))
		}
	}
	return paths
}
