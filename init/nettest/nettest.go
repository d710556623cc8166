// Package nettest runs tests in network namespaces of their own. It is only for tests: no program links it.
package nettest

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// mark is set to the name of the test in the process that runs it inside.
const mark = "PROA_TEST_NETNS"

// Inside says whether this process runs in the test's network namespace; otherwise it has run the test in one. That needs a
// second process, because a namespace belongs to a thread and tests use many. flags are further ones of clone(2), args those
// of the test binary. The test is skipped if there are no such namespaces, or if it was skipped inside.
func Inside(t *testing.T, flags uintptr, args ...string) bool {
	t.Helper()
	if os.Getenv(mark) == t.Name() {
		return true
	}
	c := exec.Command(os.Args[0], append([]string{"-test.run", "^" + t.Name() + "$", "-test.v"}, args...)...)
	c.Env = append(os.Environ(), mark+"="+t.Name())
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | flags}
	out, err := c.CombinedOutput()
	if err != nil && c.ProcessState == nil {
		t.Skipf("no network namespace here: %v", err)
	}
	if t.Logf("%s", out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Skip("skipped inside the namespace")
	}
	return false
}
