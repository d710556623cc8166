// Package power watches for the power button: input devices that have a power key, which is how ACPI, device trees and keyboards
// all show it. It only says that the button was pressed.
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

// Watch sends once for each press, and finds devices that come later.
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

// HasKey looks a key up in the kernel's notation of a bitmap.
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
		return false // evdev may not be loaded yet; looked at again
	}
	logf("power button: %s", dev)
	go func() {
		defer f.Close()
		listen(f, pressed)
	}()
	return true
}

// head is the struct timeval that an event begins with; kind, code and value follow.
const head = 2 * int(unsafe.Sizeof(uintptr(0)))

// listen returns when the device is gone.
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
		default: // it is going down already
		}
	}
}

// press looks for the button going down among events; coming up and repeats are not presses.
func press(events []byte) bool {
	for b := events; len(b) >= head+8; b = b[head+8:] {
		kind, code, value := binary.NativeEndian.Uint16(b[head:]), binary.NativeEndian.Uint16(b[head+2:]), binary.NativeEndian.Uint32(b[head+4:])
		if kind == evKey && code == keyPower && value == 1 {
			return true
		}
	}
	return false
}
