package uboot_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/uboot"
)

// Scripts of slots that print a line when they are started. One ends the boot like a slot that comes up, the other like
// one that cannot be loaded.
const (
	comesUp = "echo \"SLOT ${slot} ${proa_fallback}\"\npoweroff\n"
	resets  = "echo \"SLOT ${slot} ${proa_fallback}\"\nreset\n"
	returns = "echo \"SLOT ${slot} ${proa_fallback}\"\nfalse\n"
)

type walk struct {
	name  string
	on    []target
	state []byte
	drive string
	slots map[string]string
	want  string // SLOT lines and other expected lines
}

func walks() []walk {
	state := func(s bootstate.State) []byte {
		b := uboot.Fresh(layout.A)
		copy(b, uboot.Encode(s))
		copy(b[uboot.Apart:], uboot.Encode(s.Older()))
		return b
	}
	trial := state(bootstate.State{Good: layout.A, Try: layout.B, Left: 3})
	one, all, fit := []target{arm64()}, []target{arm64(), armv7()}, arm64()
	fit.FIT = true
	both := map[string]string{"a": comesUp, "b": resets}
	return []walk{
		{"trial that fails", all, trial, "", both, "SLOT b|SLOT b|SLOT b|SLOT a proa.fallback=b:3"},
		{"trial that fails with FIT images", []target{fit}, trial, "", both, "SLOT b|SLOT b|SLOT b|SLOT a proa.fallback=b:3"},
		{"write-protected", one, trial, ",readonly=on", both, "SLOT a proa.fallback=b:0"},
		{"no files in b", one, trial, "", map[string]string{"a": comesUp}, "SLOT a proa.fallback=b:0"},
		{"b comes back", one, trial, "", map[string]string{"a": comesUp, "b": returns}, "SLOT b|SLOT a proa.fallback=b:0"},
		{"good and then trial are gone", one, trial, "", map[string]string{"b": comesUp}, "SLOT b"},
		{"good is gone", one, state(bootstate.State{Good: layout.A}), "", map[string]string{"b": comesUp}, "SLOT b"},
		{"first start", one, uboot.Fresh(layout.A), "", map[string]string{"a": comesUp}, "SLOT a"},
		{"first start write-protected", one, uboot.Fresh(layout.A), ",readonly=on", map[string]string{"a": comesUp}, "SLOT a"},
		{"garbage", one, statetest.Junk(uboot.StateSize), "", both, "proa: neither copy of the boot state is valid; starting whichever slot has files|SLOT a"},
		{"garbage and b only", one, statetest.Junk(uboot.StateSize), "", map[string]string{"b": comesUp}, "proa: neither copy of the boot state is valid; starting whichever slot has files|SLOT b"},
		{"no partition", one, nil, "", both, "proa: neither copy of the boot state is valid; starting whichever slot has files|SLOT a"},
	}
}

// TestRealUBootWalks boots whole machines whose slots only print that they were started.
func TestRealUBootWalks(t *testing.T) {
	for _, w := range walks() {
		for _, on := range w.on {
			t.Run(on.name+" "+w.name, func(t *testing.T) {
				script, err := uboot.Script(on.Board)
				must(t, err)
				files := map[string]string{"boot.scr": string(script)}
				for slot, text := range w.slots {
					files["slots/"+slot+"/boot.scr"] = text
				}
				m := newMachine(t, on, w.state, files)
				m.drive = w.drive
				console := m.run(t, 2*time.Minute)
				if diff := cmp.Diff(w.want, said(console)); diff != "" {
					t.Errorf("%s\n%s", diff, tail(console))
				}
			})
		}
	}
}

func said(console string) string {
	var lines []string
	for _, line := range strings.Split(console, "\n") {
		line = strings.TrimPrefix(line, "crc32+ ") // U-Boot prints this for a FIT image before it runs the script
		if strings.HasPrefix(line, "SLOT ") || strings.HasSuffix(line, "whichever slot has files") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "|")
}

// kernel64 and kernel32 replace Linux: they write the device tree they are given to the serial port and power off
// through PSCI.
func kernel64() string {
	b := make([]byte, 4096)
	for i := range b { // booti reserves at most ten times the compressed size
		b[i] = byte(i * i >> 3)
	}
	clear(b[:64])
	words(b, 0x14000010)                                  // b 0x40
	binary.LittleEndian.PutUint64(b[16:], uint64(len(b))) // size in memory
	b[24] = 8                                             // may lie anywhere
	copy(b[56:], "ARM\x64")
	words(b[64:], 0xaa0003f3, 0xb9400661, 0x5ac00821, 0xd2a12002, // x19 = tree; w1 = its size; x2 = 0x9000000
		0x38401663, 0xb9000043, 0x71000421, 0x54ffffa1, // each byte to the port
		0xd2800100, 0xf2b08000, 0xd4000002, 0x14000000) // SYSTEM_OFF
	return string(b)
}

func kernel32() string {
	b := make([]byte, 4096)
	for i := 0; i < 0x20; i += 4 {
		words(b[i:], 0xe1a00000) // nop
	}
	words(b[0x20:], 0xea000002, 0x016f2818, 0, uint32(len(b))) // b 0x30; magic; start; end
	words(b[0x30:], 0xe5921004, 0xe6bf1f31, 0xe3a03409,        // r2 = tree; r1 = its size; r3 = 0x9000000
		0xe4d20001, 0xe5830000, 0xe2511001, 0x1afffffb,
		0xe3000008, 0xe3480400, 0xe1400070, 0xeafffffe)
	return string(b)
}

func words(b []byte, list ...uint32) {
	for i, w := range list {
		binary.LittleEndian.PutUint32(b[4*i:], w)
	}
}

func zipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(s))
	must(t, err)
	must(t, w.Close())
	return b.String()
}

// around returns the part of a long text that contains word.
func around(s, word string) string {
	if at := strings.LastIndex(s, word); at >= 0 {
		return s[max(0, at-100):min(len(s), at+300)]
	}
	return tail(s)
}

// TestRealUBootStartsKernels tests the boot chain from boot.scr to a kernel with its command line and initrd.
func TestRealUBootStartsKernels(t *testing.T) {
	const cmdline = `console=ttyAMA0 hostname=it's a=$b "c;d" k[sub]=v*#? ${devtype} \x proa.slot=a`
	for _, c := range []struct {
		name   string
		on     target
		kernel string
	}{
		{"arm64", arm64(), kernel64()},
		{"arm64 compressed", arm64(), zipped(t, kernel64())},
		{"armv7", armv7(), kernel32()},
	} {
		t.Run(c.name, func(t *testing.T) {
			script, err := uboot.Script(c.on.Board)
			must(t, err)
			slot, err := uboot.SlotScript(c.on.Board, layout.A, cmdline)
			must(t, err)
			broken, err := uboot.SlotScript(c.on.Board, layout.B, cmdline)
			must(t, err)
			m := newMachine(t, c.on, uboot.Fresh(layout.B), map[string]string{
				"boot.scr": string(script), "slots/b/boot.scr": string(broken), "slots/b/vmlinuz": "no kernel", "slots/b/initrd": "initrd",
				"slots/a/boot.scr": string(slot), "slots/a/vmlinuz": c.kernel, "slots/a/initrd": strings.Repeat("initrd", 100),
			})
			console := m.run(t, 2*time.Minute)
			for _, want := range []string{"proa: slot b cannot be loaded\n", cmdline + " proa.fallback=b:0\x00", "linux,initrd-start"} {
				if !strings.Contains(console, want) {
					t.Errorf("nothing says %q\n%q", want, around(console, "bootargs"))
				}
			}
		})
	}
}
