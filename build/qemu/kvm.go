package qemu

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"time"

	"github.com/proa-os/proa/build/command"
)

// KVM says whether a kernel boots with KVM. The device node is not enough: inside another virtual machine it may open
// and still crash a kernel in its decompressor. So a kernel is started; it has no root file system, and it works if it
// panics about that.
func KVM(ctx context.Context, t Tools, kernel string) bool {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close() // opened only to see whether it can be
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	args := []string{"-M", "q35", "-accel", "kvm", "-m", "512", "-display", "none", "-monitor", "none", "-serial", "stdio",
		"-nic", "none", "-no-reboot", "-kernel", kernel, "-append", "console=ttyS0 panic=-1"}
	cmd := exec.CommandContext(ctx, t.System, args...)
	cmd.Env = command.Env()
	out, _ := cmd.CombinedOutput() // its output decides, not its exit status
	return bytes.Contains(out, []byte("Unable to mount root"))
}
