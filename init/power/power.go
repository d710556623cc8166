// Package power watches for the power button: input devices with a power key, which is how ACPI, device trees and
// keyboards present it. It only reports presses.
package power

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

const (
	evKey    = 1
	keyPower = 116
)

// Watch sends a value for each press. It finds devices that appear later.
func Watch(ctx context.Context, logf func(string, ...any)) <-chan struct{} {
	pressed := make(chan struct{}, 1)
	go func() {
		open := map[string]bool{}
		for ctx.Err() == nil {
			names, _ := filepath.Glob("/sys/class/input/event*")
			for _, n := range names {
				if !open[n] && hasPowerKey(n) {
					open[n] = watch("/dev/input/"+filepath.Base(n), pressed, logf)
				}
			}
			time.Sleep(5 * time.Second)
		}
	}()
	return pressed
}

// hasPowerKey reads the bitmap of keys: words in hex, highest first.
func hasPowerKey(class string) bool {
	text, err := os.ReadFile(filepath.Join(class, "device/capabilities/key"))
	if err != nil {
		return false
	}
	return HasKey(string(text), keyPower)
}

// HasKey looks up a key in the kernel's bitmap format.
func HasKey(bitmap string, key int) bool {
	words := strings.Fields(bitmap)
	const bits = int(unsafe.Sizeof(uintptr(0))) * 8
	at := len(words) - 1 - key/bits
	if at < 0 {
		return false
	}
	w, err := strconv.ParseUint(words[at], 16, 64)
	return err == nil && w>>(key%bits)&1 == 1
}

func watch(dev string, pressed chan<- struct{}, logf func(string, ...any)) bool {
	f, err := os.Open(dev)
	if err != nil {
		return false // evdev may not be loaded yet; retried
	}
	logf("power button: %s", dev)
	go func() {
		defer f.Close()
		listen(f, pressed)
	}()
	return true
}

// head is the size of struct timeval at the begin of an event; type, code and value follow.
const head = 2 * int(unsafe.Sizeof(uintptr(0)))

// listen returns when the device disappears.
func listen(events io.Reader, pressed chan<- struct{}) {
	buf := make([]byte, (head+8)*16)
	for {
		n, err := events.Read(buf)
		if err != nil {
			return
		}
		if !press(buf[:n]) {
			continue
		}
		select {
		case pressed <- struct{}{}:
		default: // a press is pending already
		}
	}
}

// press looks for a key-down event of the power key; key-up and repeat do not count.
func press(events []byte) bool {
	for b := events; len(b) >= head+8; b = b[head+8:] {
		kind, code, value := binary.NativeEndian.Uint16(b[head:]), binary.NativeEndian.Uint16(b[head+2:]), binary.NativeEndian.Uint32(b[head+4:])
		if kind == evKey && code == keyPower && value == 1 {
			return true
		}
	}
	return false
}
