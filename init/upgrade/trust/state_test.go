package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestNoRoot: an image without keys of releases takes none.
func TestNoRoot(t *testing.T) {
	s := serve(t)
	s.client.Root = nil
	s.fails("none", ErrRoot)
	s.client.Root = []byte("{}")
	s.fails("not a root", ErrRoot)
}

// TestStateThatCannotBeWritten says so.
func TestStateThatCannotBeWritten(t *testing.T) {
	s := serve(t)
	s.client.Dir = filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(s.client.Dir, nil, 0o600))
	s.fails("a file", ErrState)
}

// TestFullDisk: wherever a full disk ends a refresh, the error names it, and nothing else; once there is room it works.
func TestFullDisk(t *testing.T) {
	s := serve(t)
	full := 0
	for kib := 4; ; kib += 4 {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kib)); err != nil {
			t.Skipf("mount: %v", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
		s.client.Dir = filepath.Join(dir, "state")
		_, err := s.refresh()
		if err == nil {
			break
		}
		full++
		if !errors.Is(err, ErrState) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "no space left on device") || !strings.HasSuffix(err.Error(), "run the same command again") ||
			errors.Is(err, ErrRoot) {
			t.Errorf("%d KiB: %v", kib, err)
		}
		must(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=1m"))
		s.works("with room")
	}
	if full < 5 {
		t.Errorf("only %d sizes were too small", full)
	}
}

// TestStateThatCannotBeRead: what was seen counts or is missed, but never taken for nothing.
func TestStateThatCannotBeRead(t *testing.T) {
	s := serve(t)
	s.works("first")
	for _, name := range []string{seenName, "timestamp.json"} {
		file := filepath.Join(s.client.Dir, name)
		b, err := os.ReadFile(file)
		must(t, errors.Join(err, os.Remove(file), os.Mkdir(file, 0o700))) // reading it fails
		s.fails(name, ErrState)
		must(t, errors.Join(os.Remove(file), os.WriteFile(file, b, 0o600)))
	}
	s.works("again")
}

// TestNewDirectory: the directory of releases was lost, and another one begins with the same keys: machines that know the
// first one follow it.
func TestNewDirectory(t *testing.T) {
	s := serve(t)
	s.publish(days(1))
	s.works("the first directory")
	s.dir = t.TempDir()
	s.publish(days(2))
	s.client.Clock.Now = days(2)
	if list, _ := s.works("the second directory").Releases(machine); len(list) != 1 || list[0].Version != "v3" {
		t.Errorf("%+v", list)
	}
}
