package wifi

import (
	"os"
	"path/filepath"
	"testing"
)

// TestUnblock: the event is the kernel's eight bytes, for all Wi-Fi adapters; without the device nothing is written.
func TestUnblock(t *testing.T) {
	root, got := t.TempDir(), ""
	write := func(path string, data []byte, _ os.FileMode) error {
		got += path + " " + string(data)
		return nil
	}
	if err := unblock(root, write); err != nil || got != "" {
		t.Errorf("without the device: %v, wrote %q", err, got)
	}
	device := filepath.Join(root, rfkillDevice)
	if err := os.MkdirAll(filepath.Dir(device), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unblock(root, write); err != nil || got != "/dev/rfkill \x00\x00\x00\x00\x01\x03\x00\x00" {
		t.Errorf("%v, wrote %q", err, got)
	}
	if err := unblock(root, func(string, []byte, os.FileMode) error { return os.ErrPermission }); err == nil {
		t.Error("a device that refuses went unseen")
	}
}
