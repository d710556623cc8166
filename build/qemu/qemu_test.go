package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
)

func TestArgs(t *testing.T) {
	tools := Tools{System: "qemu", CD: machines["q35"].CD, Disk: virtioDisk, UEFICode: "/code.fd", UEFIVars: "/vars.fd"}
	for name, tc := range map[string]struct {
		spec Spec
		want []string
		not  []string
	}{
		"cd by bios":          {Spec{Firmware: BIOS, Medium: CD, Image: "i.iso"}, []string{"media=cdrom", "ide-cd", "-accel tcg"}, []string{"pflash", "restrict"}},
		"usb by uefi":         {Spec{Firmware: UEFI, Medium: USB, Image: "i.iso"}, []string{"usb-storage", "file=/code.fd", "readonly=on,id=boot"}, nil},
		"disk, host only":     {Spec{Medium: Disk, Image: "d.img", Restrict: true}, []string{"restrict=on", "hostfwd=tcp:127.0.0.1:4022-:22", "virtio-blk-pci,drive=boot"}, []string{"readonly=on,id=boot", "-rtc"}},
		"clock ahead":         {Spec{Clock: time.Date(2030, 2, 3, 4, 5, 6, 0, time.FixedZone("x", 3600))}, []string{"-rtc base=2030-02-03T03:05:06"}, nil},
		"a log of writes":     {Spec{Medium: Disk, Image: "d.img", WriteLog: "d.log"}, []string{"if=none,discard=unmap,id=boot,driver=blklogwrites,", ",file.filename=d.img,", ",log.filename=d.log "}, []string{"format=raw"}},
		"kept as it is":       {Spec{Medium: Disk, Image: "d.img", Snapshot: true}, []string{"format=raw,snapshot=on,file=d.img"}, []string{"blklogwrites"}},
		"two networks":        {Spec{Moves: true}, []string{"hostfwd=tcp:127.0.0.1:4022-:22 ", "hostfwd=tcp:127.0.0.1:5022-:22,net=10.77.0.0/24", "netdev=n0 -netdev hubport,id=p1", ",netdev=cable"}, []string{",netdev=n0 -serial"}},
		"two machines":        {Spec{LAN: LAN{"a.sock", "b.sock", "52:54:00:79:00:01"}}, []string{"-netdev dgram,id=lan,local.type=unix,local.path=a.sock,remote.type=unix,remote.path=b.sock -device ", ",netdev=lan,mac=52:54:00:79:00:01"}, nil},
		"no reboot, more RAM": {Spec{NoReboot: true, Memory: 3072}, []string{"-no-reboot", "-m 3072"}, nil},
	} {
		tc.spec.Tools = tools
		got := strings.Join(tc.spec.args(forwards{{22: 4022}, {22: 5022}}), " ")
		for _, want := range tc.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in %s", name, want, got)
			}
		}
		for _, not := range tc.not {
			if strings.Contains(got, not) {
				t.Errorf("%s: %q in %s", name, not, got)
			}
		}
	}
}

func TestConsole(t *testing.T) {
	var seen bytes.Buffer
	c := newConsole(&seen)
	go func() {
		_, _ = c.Write([]byte("one\r\ntwo: par"))
		_, _ = c.Write([]byte("tial\r\n"))
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if line, err := c.wait(ctx, "partial", 0); err != nil || line != "two: partial" {
		t.Errorf("got %q, %v; want the whole line", line, err)
	}
	mark := c.count()
	c.close()
	if _, err := c.wait(ctx, "two", mark); err == nil || !strings.Contains(err.Error(), "ended before") {
		t.Errorf("got %v; want an error once the machine has ended", err)
	}
	if seen.String() != "one\r\ntwo: partial\r\n" {
		t.Errorf("copy: got %q", seen.String())
	}
}

func TestConsoleTimesOutWithTheLastLines(t *testing.T) {
	c := newConsole(nil)
	_, _ = c.Write([]byte("boot 3/17 load-modules\n"))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := c.wait(ctx, "never", 0)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "load-modules") {
		t.Errorf("got %v; want the deadline and the last line", err)
	}
}

func TestCopyKeepsHolesAndExtends(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteAt([]byte("head"), 0)
	_, _ = f.WriteAt([]byte("tail"), 8<<20)
	f.Close()
	if err := Copy(to, from, 16<<20); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(to)
	if len(got) != 16<<20 || string(got[:4]) != "head" || string(got[8<<20:8<<20+4]) != "tail" {
		t.Errorf("copy has %d bytes, or lost data", len(got))
	}
}

// TestMachine runs the real QEMU with an empty disk: the firmware reports that there is nothing to boot.
func TestMachine(t *testing.T) {
	system := oracle.Tool(t, "qemu-system-x86_64")
	dir := t.TempDir()
	image := filepath.Join(dir, "disk")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	vm, err := Start(ctx, Spec{Tools: Tools{System: system, Machine: machines["q35"].Machine, Disk: virtioDisk, Serial: stdio, NIC: virtioNIC}, Medium: Disk, Image: image, Memory: 256, Dir: dir, Forward: []int{22}})
	if err != nil {
		t.Fatal(err)
	}
	if line, err := vm.WaitLine(ctx, "SeaBIOS"); err != nil {
		t.Error(line, err)
	}
	if err := vm.Reset(ctx); err != nil {
		t.Error(err)
	}
	vm.Kill()
	if err := vm.Wait(ctx); err == nil {
		t.Error("a machine whose power was cut ended without an error")
	}
}

func TestStallIsNotWaitedFor(t *testing.T) {
	c := newConsole(nil)
	fmt.Fprintln(c, "[   24.2] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.wait(ctx, "never", 0); errors.Is(err, ErrStalled) {
		t.Errorf("one stall may be a slow host: %v", err)
	}
	fmt.Fprintln(c, "[   45.3] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:")
	if _, err := c.wait(t.Context(), "never", 0); !errors.Is(err, ErrStalled) {
		t.Errorf("got %v", err)
	}
	fmt.Fprintln(c, "proa: up")
	if _, err := c.wait(t.Context(), "proa: up", 0); err != nil {
		t.Errorf("a line that came all the same: %v", err)
	}
}
