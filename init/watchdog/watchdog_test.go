package watchdog

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFeed: each feeding is one byte, and never the letter that lets the hardware stop its clock when the device is closed.
func TestFeed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "watchdog")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path) // a plain file refuses the timeout, as some hardware does
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := d.Feed(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if string(got) != "\x00\x00\x00" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	d.f.Close()
	if err := d.Feed(); err == nil {
		t.Error("fed a closed device")
	}
}

// TestNone: most machines have one, some have none; that is no error.
func TestNone(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "none"))
	if d != nil || err != nil {
		t.Fatal(d, err)
	}
	if err := d.Feed(); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory passes for a watchdog")
	}
}

// TestInterval: a feeding may be late, and one lost, before the hardware strikes.
func TestInterval(t *testing.T) {
	if Interval*4 > Timeout {
		t.Errorf("fed every %s, strikes after %s", Interval, Timeout)
	}
}
