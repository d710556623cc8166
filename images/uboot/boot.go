package uboot

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
)

// ScriptFile is the name of the script that chooses the slot, in the boot partition, and of that which starts a slot, in
// the slot's directory.
const ScriptFile = "boot.scr"

// Addresses are the memory addresses at which a board's boot scripts load things. They must not overlap each other, nor
// what the firmware left in memory.
type Addresses struct {
	Kernel uint64 // the kernel as stored on the disk, and then unpacked: 64 MiB
	Comp   uint64 // where booti unpacks a compressed kernel before it moves it to Kernel
	Initrd uint64
	FDT    uint64 // a slot's own device tree, with room for the nodes that U-Boot adds
	Script uint64 // a slot's boot.scr
	State  uint64 // four sectors: both copies of the boot state, the next state, and the one read back after writing
}

// Board is the part of a board's description that its scripts need.
type Board struct {
	Start       string // the command that starts a kernel: "booti" (arm64) or "bootz" (armv7)
	DTB         string // file in a slot's dtb/; "": the firmware's device tree is used
	FirmwareDTB string // U-Boot's variable with the address of that: "fdt_addr" (Raspberry Pi), "fdtcontroladdr" (QEMU's virt)
	FIT         bool   // scripts are FIT images: this U-Boot reads no others
	StateBlock  uint64 // first sector of the partition for the boot state
	Addresses
}

// Scripts are the two scripts of a new image as stored in the boot partition, with their headers.
type Scripts struct {
	Boot []byte // /boot.scr
	Slot []byte // /slots/SLOT/boot.scr
}

// NewScripts returns the scripts for the slot that the image fills.
func NewScripts(b Board, slot layout.Slot, line string, when time.Time) (Scripts, error) {
	boot, err1 := Script(b)
	start, err2 := SlotScript(b, slot, line)
	if err := errors.Join(err1, err2); err != nil {
		return Scripts{}, err
	}
	return Scripts{b.Image("proa", boot, when), b.Image("proa slot "+string(slot), start, when)}, nil
}

// Image wraps a script in the format that this board's U-Boot reads.
func (b Board) Image(name string, text []byte, when time.Time) []byte {
	if b.FIT {
		return FIT(name, text, when)
	}
	return Image(name, text, when)
}

//go:embed boot.cmd
var bootText string

//go:embed slot.cmd
var slotText string

// Script returns the text of /boot.scr of the boot partition. bootstate.Encoding.Boot is its model in Go.
func Script(b Board) ([]byte, error) {
	type sector struct{ At uint64 }
	type slot struct{ Code, Name string } // "X\0" as a number in memory
	state := func(n uint64) uint64 { return b.State + n*Size }
	return render(bootText, b, map[string]any{
		"Block0": b.StateBlock, "Block1": b.StateBlock + Apart/layout.Sector,
		"Copies": []sector{{state(0)}, {state(1)}}, "Next": state(2), "Check": state(3),
		"Sum":    b.sum(),
		"Digits": []int{0, 1, 2, 3}, "Slots": []slot{{"2d", "-"}, {"61", "a"}, {"62", "b"}},
		"Magic": Magic, "Size": Size, "Script": b.Script,
		"SeqAt": seqAt, "GoodAt": goodAt, "TryAt": tryAt, "LeftAt": leftAt, "CRCAt": crcAt,
	})
}

// SlotScript returns the text of /slots/SLOT/boot.scr, which loads and starts the slot's kernel. Script sets
// ${proa_fallback}.
func SlotScript(b Board, slot layout.Slot, line string) ([]byte, error) {
	if strings.Contains(line, "\n") {
		return nil, fmt.Errorf("uboot: no script can hold the command line %q", line)
	}
	var fallbacks []string
	for tries := range bootstate.MaxTries + 1 {
		fallbacks = append(fallbacks, cmdline.Fallback{Slot: slot.Other(), Tries: tries}.Word())
	}
	return render(slotText, b, map[string]any{
		"Fallbacks": fallbacks,
		"Slot":      slot, "Cmdline": line, "Start": b.Start, "DTB": b.DTB, "FirmwareDTB": b.FirmwareDTB,
		"Kernel": b.Kernel, "Comp": b.Comp, "Initrd": b.Initrd, "FDT": b.FDT,
	})
}

func render(text string, b Board, values map[string]any) ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("uboot: %w", err)
	}
	t, err := template.New("").Funcs(template.FuncMap{
		"hex": hexa, "add": add, "quote": quote, "sum": b.checksum, "less": func(n int) int { return n - 1 }, "tried": func(n int) int { return bootstate.MaxTries - n },
	}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("uboot: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, values); err != nil {
		return nil, fmt.Errorf("uboot: %w", err)
	}
	return out.Bytes(), nil
}

// hexa formats a number as U-Boot reads it: hexadecimal without a prefix.
func hexa(n any) string { return fmt.Sprintf("%x", n) }

func add(n uint64, m int) uint64 { return n + uint64(m) }

// sum is the address at which the script stores checksums. It shares the place of the state read back, which is needed
// only later.
func (b Board) sum() uint64 { return b.State + 3*Size }

// checksum returns the values for the template "sum": it computes the CRC of the sector at from and stores it as bytes
// at Sum.
func (b Board) checksum(from uint64, indent string) map[string]any {
	at := b.sum()
	return map[string]any{"From": from, "CRCAt": crcAt, "Sum": at, "Indent": indent, "Reversed": []uint64{at + 11, at + 10, at + 9, at + 8}}
}

// quote quotes a text for U-Boot's shell, which removes backslashes even within single quotes.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `'\''`).Replace(s) + "'"
}

func (b Board) check() error {
	if b.Start != "booti" && b.Start != "bootz" {
		return fmt.Errorf("no command %q starts a kernel", b.Start)
	}
	if b.DTB == "" && b.FirmwareDTB == "" {
		return errors.New("a board without a device tree")
	}
	for _, a := range []struct {
		name   string
		at     uint64
		needed bool
	}{
		{"kernel", b.Kernel, true}, {"unpacking", b.Comp, b.Start == "booti"}, {"initrd", b.Initrd, true},
		{"device tree", b.FDT, b.DTB != ""}, {"script", b.Script, true}, {"state", b.State, true},
	} {
		if a.needed && (a.at == 0 || a.at%Size != 0) { // disk sectors are read to this address
			return fmt.Errorf("load address %#x for %s", a.at, a.name)
		}
	}
	return nil
}
