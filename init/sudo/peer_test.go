package sudo

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestContainers: the uid of an administrator is not enough in a container that has the socket.
func TestContainers(t *testing.T) {
	r := newRig(t)
	for name, flags := range map[string]uintptr{"": 0, "mount": unix.CLONE_NEWNS, "network": unix.CLONE_NEWNET} {
		cmd := r.as(ada, "id", "-u")
		cmd.SysProcAttr.Unshareflags = flags
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		lets := name != "mount"
		if (err == nil) != lets || lets && string(out) != "0\n" || !lets && !strings.Contains(said.String(), "not for containers") {
			t.Errorf("namespace %q: %q %q %v", name, out, said.String(), err)
		}
	}
	if r.mu.Lock(); !strings.Contains(r.log, "refused: uid 61000, process ") {
		t.Errorf("the log has no refusal:\n%s", r.log)
	}
	r.mu.Unlock()
	if err := outside(1<<22+1, -1); err == nil {
		t.Error("a process that is gone")
	}
}
