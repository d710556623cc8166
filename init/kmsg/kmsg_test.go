package kmsg

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestShown(t *testing.T) {
	const log = "<5>[    0.0] Linux version 6.12\n<6>[    0.1] Kernel command line: k3s.token=secret\n<5>[    0.2] Unknown kernel command line parameters \"k3s.token=secret\", will be passed to user space.\n" +
		"<7>[    1.0] pci: for debugging\n<15>[    2.0] proa: boot 3/33 load-modules ok 41ms\n<3>[    3.0] mmc0: \x1b[1merror\x07\n\n[    4.0] from a serial line\r\n<1 is no level>\n"
	want := []string{"[    0.0] Linux version 6.12", "[    2.0] proa: boot 3/33 load-modules ok 41ms", "[    3.0] mmc0:  [1merror", "[    4.0] from a serial line", "<1 is no level>"}
	if d := cmp.Diff(want, Shown(log)); d != "" {
		t.Error(d)
	}
}

// TestLast reads the log of the kernel that runs the test, where that is permitted.
func TestLast(t *testing.T) {
	if _, err := unix.Klogctl(3, make([]byte, 1024)); err != nil {
		t.Skipf("the kernel's log: %v", err)
	}
	if lines := Last(3); len(lines) > 3 {
		t.Errorf("%q", lines)
	}
}
