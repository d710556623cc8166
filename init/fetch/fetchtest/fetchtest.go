// Package fetchtest compiles proa-fetch for tests, once for all tests of a package. It is only for tests: no program
// links it.
package fetchtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// dir is where the program is, once it was compiled.
var dir atomic.Pointer[string]

// Program returns the program's file. It is below /tmp, where the user nobody, as whom it runs, can read it; Main removes it.
var Program = sync.OnceValues(func() (file string, err error) {
	made, err := os.MkdirTemp("/tmp", "proa-fetch-")
	if err != nil {
		return "", err
	}
	dir.Store(&made)
	file = filepath.Join(made, "proa-fetch")
	out, err := exec.Command("go", "build", "-o", file, "github.com/proa-os/proa/init/fetch/proa-fetch").CombinedOutput()
	if err = errors.Join(err, os.Chmod(made, 0o755)); err != nil {
		return "", fmt.Errorf("compile proa-fetch: %w\n%s", err, out)
	}
	return file, nil
})

// Need is Program for a test that cannot go on without it.
func Need(t testing.TB) string {
	t.Helper()
	file, err := Program()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Main is what TestMain of a package ends with: it runs the tests, and removes the program if one of them compiled it.
func Main(m *testing.M) {
	code := m.Run()
	if made := dir.Load(); made != nil {
		if err := os.RemoveAll(*made); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}
