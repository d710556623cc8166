package verity

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ioctls of <linux/dm-ioctl.h> that create one read-only device with one table row.
const (
	control   = "/dev/mapper/control"
	devCreate = 3
	devRemove = 4
	devResume = 6 // DM_DEV_SUSPEND without DM_SUSPEND_FLAG
	tableLoad = 9
	tableStat = 12
	readOnly  = 1
	deferred  = 1 << 17 // DM_DEFERRED_REMOVE
)

// header is struct dm_ioctl.
type header struct {
	Version     [3]uint32
	DataSize    uint32
	DataStart   uint32
	TargetCount uint32
	OpenCount   int32
	Flags       uint32
	EventNr     uint32
	_           uint32
	Dev         uint64
	Name        [128]byte
	UUID        [129]byte
	_           [7]byte
}

// target is struct dm_target_spec; its parameters follow as a C string.
type target struct {
	Start, Length uint64
	Status        int32
	Next          uint32
	Type          [16]byte
}

func mapTarget(name, kind string, sectors uint64, params string) (string, error) {
	ctl, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("device-mapper: %w", err)
	}
	defer ctl.Close()
	created, err := call(ctl, devCreate, request(name, 0, nil))
	if err != nil {
		return "", fmt.Errorf("device-mapper: create %s: %w", name, err)
	}
	row := encode(kind, sectors, params)
	if _, err = call(ctl, tableLoad, request(name, readOnly, row)); err == nil {
		_, err = call(ctl, devResume, request(name, 0, nil))
	}
	if err != nil {
		_, _ = call(ctl, devRemove, request(name, 0, nil)) // return the load error, not one of the clean-up
		return "", fmt.Errorf("device-mapper: load %s table: %w", kind, err)
	}
	return fmt.Sprintf("/dev/dm-%d", unix.Minor(created.Dev)), nil
}

// Remove removes a mapped device; with later, once it is not in use any more. The error wraps unix.ENXIO if there is none.
func Remove(name string, later bool) error {
	ctl, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("device-mapper: %w", err)
	}
	defer ctl.Close()
	flags := uint32(0)
	if later {
		flags = deferred
	}
	if _, err := call(ctl, devRemove, request(name, flags, nil)); err != nil {
		return fmt.Errorf("device-mapper: remove %s: %w", name, err)
	}
	return nil
}

// Corrupt says whether a block of a mapped device has failed verification since it was mapped: the status of the verity
// target is then C and not V (Documentation/admin-guide/device-mapper/verity.rst). I/O errors of the medium do not show
// there.
func Corrupt(name string) (bool, error) {
	ctl, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return false, fmt.Errorf("device-mapper: %w", err)
	}
	defer ctl.Close()
	buf := request(name, 0, nil)
	if _, err := call(ctl, tableStat, buf); err != nil {
		return false, fmt.Errorf("device-mapper: status of %s: %w", name, err)
	}
	return corrupt(buf), nil
}

// corrupt parses the answer: struct dm_target_spec and the status as a C string.
func corrupt(answer []byte) bool {
	at := unsafe.Sizeof(header{}) + unsafe.Sizeof(target{})
	return len(answer) > int(at) && answer[at] == 'C'
}

func encode(kind string, sectors uint64, params string) []byte {
	t := target{Length: sectors}
	copy(t.Type[:], kind)
	var b bytes.Buffer
	binary.Write(&b, binary.NativeEndian, t)
	b.WriteString(params)
	b.WriteByte(0)
	for b.Len()%8 != 0 {
		b.WriteByte(0)
	}
	return b.Bytes()
}

// request returns a buffer with room after the payload, because the kernel writes its answer into it.
func request(name string, flags uint32, row []byte) []byte {
	h := header{Version: [3]uint32{4, 0, 0}, Flags: flags}
	h.DataStart = uint32(unsafe.Sizeof(h))
	h.DataSize = h.DataStart + uint32(len(row)) + 512
	if row != nil {
		h.TargetCount = 1
	}
	copy(h.Name[:], name)
	var b bytes.Buffer
	binary.Write(&b, binary.NativeEndian, h)
	b.Write(row)
	b.Write(make([]byte, int(h.DataSize)-b.Len()))
	return b.Bytes()
}

func call(ctl *os.File, nr uintptr, buf []byte) (header, error) {
	var h header
	cmd := uintptr(3)<<30 | unsafe.Sizeof(h)<<16 | 0xfd<<8 | nr
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, ctl.Fd(), cmd, uintptr(unsafe.Pointer(&buf[0])))
	if errno != 0 {
		return h, errno
	}
	return h, binary.Read(bytes.NewReader(buf), binary.NativeEndian, &h)
}
