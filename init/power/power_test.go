package power

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestHasKey(t *testing.T) {
	for _, c := range []struct {
		bitmap string
		key    int
		want   bool
	}{
		{"10000000000000 0", 116, true}, // an ACPI power button on 64 bits
		{"402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe", 116, true},
		{"70000 0 0 0 0", 116, false}, // a mouse
		{"", 116, false},
		{"zz 0", 116, false},
	} {
		if got := HasKey(c.bitmap, c.key); got != c.want {
			t.Errorf("HasKey(%q, %d) = %t", c.bitmap, c.key, got)
		}
	}
}

// event is one struct input_event.
func event(kind, code uint16, value uint32) []byte {
	b := bytes.Repeat([]byte{0xa5}, head) // the time: any value
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, code)
	return binary.NativeEndian.AppendUint32(b, value)
}

func TestPress(t *testing.T) {
	syn, down := event(0, 0, 0), event(evKey, keyPower, 1)
	for name, c := range map[string]struct {
		events []byte
		want   bool
	}{
		"down":            {append(bytes.Clone(down), syn...), true},
		"behind another":  {append(bytes.Clone(syn), down...), true},
		"up":              {event(evKey, keyPower, 0), false},
		"repeat":          {event(evKey, keyPower, 2), false},
		"another key":     {event(evKey, 30, 1), false},
		"another kind":    {event(3, keyPower, 1), false},
		"cut in the half": {down[:len(down)-1], false},
		"nothing":         {nil, false},
	} {
		if got := press(c.events); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestWatchDevice: a pipe instead of /dev/input/eventN, which also returns whole events.
func TestWatchDevice(t *testing.T) {
	dev := filepath.Join(t.TempDir(), "event0")
	pressed := make(chan struct{}, 1)
	if watch(dev, pressed, t.Logf) {
		t.Error("watches a device that is not there")
	}
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); listen(rd, pressed) }()
	wr.Write(event(evKey, 30, 1))
	for range 3 { // repeated presses; the machine shuts down once
		wr.Write(event(evKey, keyPower, 1))
	}
	select {
	case <-pressed:
	case <-time.After(10 * time.Second):
		t.Error("the press was not seen")
	}
	wr.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("a device that is gone is still listened to")
	}
}

func TestHasPowerKey(t *testing.T) {
	class := t.TempDir()
	if hasPowerKey(class) {
		t.Error("no bitmap and a power key")
	}
	dir := filepath.Join(class, "device/capabilities")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bitmap := "10000000000000 0\n" // of words of 64 bits
	if head == 8 {
		bitmap = "100000 0 0 0\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(bitmap), 0o600); err != nil {
		t.Fatal(err)
	}
	if !hasPowerKey(class) {
		t.Error("the key was not found")
	}
}
