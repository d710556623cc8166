package e2e

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// TestReadyOnARM: a node becomes Ready and runs a pod, offline, on the other two architectures; it prints the memory in
// use.
func TestReadyOnARM(t *testing.T) {
	needs(t, "arm")
	for _, o := range []options{
		{board: "arm64-virt", kind: "img", memory: 2048},
		{board: "armv7-virt", kind: "img", memory: 1024},
	} {
		t.Run(o.board, func(t *testing.T) {
			m := readyOn(t, o)
			apply(m, "one.yaml")
			m.run("kubectl rollout status deployment/hello --timeout=20m", nil)
			askNodePort(t, m, "hello from hello-")
			t.Logf("with %d MiB:\n%s", o.memory, m.run("free -m; grep -E '^(VmHWM|VmRSS|RssAnon)' /proc/$(pidof k3s)/status", nil))
		})
	}
}

// TestSmallest: a server becomes Ready, and still is a minute later, in a guest of PROA_SMALLEST=BOARD:MIB.
func TestSmallest(t *testing.T) {
	needs(t, "smallest")
	board, size, _ := strings.Cut(os.Getenv("PROA_SMALLEST"), ":")
	memory, err := strconv.Atoi(size)
	if err != nil {
		t.Skip("PROA_SMALLEST=BOARD:MIB says what to try")
	}
	o := options{board: board, kind: "img", memory: memory}
	if tools(t, o.machine()).UEFICode != "" {
		o.firmware = qemu.UEFI
	}
	m := readyOn(t, o)
	m.run("sleep 60", nil)
	m.nodeReady()
	t.Logf("with %d MiB:\n%s", memory, m.run("free -m; cat /proc/pressure/memory; dmesg | grep -c 'Out of memory' || true", nil))
}
