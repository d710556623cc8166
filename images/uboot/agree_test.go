package uboot_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/uboot"
)

// pairs are the pairs of copies that U-Boot may find: every state beside junk, beside itself, beside one of each
// sequence number, and torn writes.
func pairs(all bool) (list [][2][]byte) {
	junk := statetest.Junk(uboot.Size)
	list = append(list, [2][]byte{junk, junk}, [2][]byte{make([]byte, uboot.Size), make([]byte, uboot.Size)})
	for _, old := range statetest.States() {
		in := uboot.Encode(old)
		list = append(list, [2][]byte{in, junk}, [2][]byte{junk, in}, [2][]byte{in, in})
		for seq := range 3 {
			list = append(list, [2][]byte{in, uboot.Encode(bootstate.State{Seq: seq, Good: layout.B, Try: layout.A, Left: 2})})
		}
		// The other states differ only in the digit, or are mirror images of these.
		if all || old.Seq == 0 && old.Good != layout.B && old.Try != layout.A {
			list = append(list, tornPairs(old, all)...)
		}
	}
	return list
}

// tornPairs are pairs of old, which is in force, and a torn write of its successor: cut at every byte, with either its
// beginning or its end on the disk; with all, any range of it.
func tornPairs(old bootstate.State, all bool) (list [][2][]byte) {
	in, over := uboot.Encode(old), uboot.Encode(old.Older())
	for _, next := range statetest.Successors(old) {
		now := uboot.Encode(next)
		for _, mix := range statetest.Torn(over, now) {
			if all || isCut(over, mix, now) || isCut(now, mix, over) {
				list = append(list, [2][]byte{in, mix})
			}
		}
	}
	return list
}

// isCut says whether mix equals begin up to some byte and end from there on.
func isCut(begin, mix, end []byte) bool {
	n := 0
	for n < len(mix) && mix[n] == begin[n] {
		n++
	}
	return bytes.Equal(mix[n:], end[n:])
}

// packed stores many pairs in one partition: two copies of a pair have the required distance, and copies of other pairs
// lie between.
type packed struct{ pairs [][2][]byte }

const perRow = uboot.Apart / uboot.Size

func offset(pair, place int) int64 {
	row, column := pair/perRow, pair%perRow
	return int64(row)*2*uboot.Apart + uboot.Offset(place) + int64(column)*uboot.Size
}

func (p packed) bytes() []byte {
	rows := (len(p.pairs) + perRow - 1) / perRow
	b := make([]byte, (rows*2*uboot.Apart+layout.MiB-1)/layout.MiB*layout.MiB)
	for i, pair := range p.pairs {
		for place, text := range pair {
			copy(b[offset(i, place):], text)
		}
	}
	return b
}

// harness wraps boot.cmd in a loop over the pairs. Starting a slot prints its name and fails.
func harness(t *testing.T, on target, cases int) map[string]string {
	t.Helper()
	script, err := uboot.Script(on.Board)
	must(t, err)
	head, text, ok1 := strings.Cut(string(script), "setenv block0")
	_, text, ok2 := strings.Cut(text, "setenv block1")
	_, text, _ = strings.Cut(text, "\n")
	before, text, ok3 := strings.Cut(text, "\t\tif load ${devtype} ${devnum}:${distro_bootpart}")
	_, text, ok4 := strings.Cut(text, "\t\tfi\n")
	after, _, ok5 := strings.Cut(text, "echo \"proa: no slot can be loaded")
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 {
		t.Fatal("boot.cmd is no longer what this test cuts up")
	}
	main := fmt.Sprintf(`virtio dev ${devnum}
part start ${devtype} ${devnum} state first
load ${devtype} ${devnum}:${distro_bootpart} %[1]x test.scr
setenv n 0
while test ${n} != %[2]x; do
	setexpr row ${n} / %[3]x
	setexpr row ${row} * %[4]x
	setexpr column ${n} %% %[3]x
	setexpr here ${first} + ${row}
	setexpr here ${here} + ${column}
	setenv starts
	setenv stdout nulldev
	source %[1]x
	setenv stdout serial
	echo "CASE ${n}${starts}"
	setexpr n ${n} + 1
done
poweroff
`, on.Board.Script, cases, perRow, 2*perRow)
	return map[string]string{
		"boot.scr": main,
		"test.scr": head + "setenv block0 ${here}\nsetexpr block1 ${here} + 80\n" + before + "\t\tsetenv starts \"${starts}/START ${slot} ${proa_fallback}\"\n" + after,
	}
}

// started returns the START lines of each case.
func started(console string) map[string]string {
	cases := map[string]string{}
	for _, line := range strings.Split(console, "\n") {
		if line, ok := strings.CutPrefix(line, "CASE "); ok {
			n, starts, _ := strings.Cut(line, "/")
			cases[n] = strings.ReplaceAll(starts, "/", "\n") + "\n"
		}
	}
	return cases
}

// TestRealUBootAgrees runs boot.cmd in U-Boot itself, over all those pairs in one start, and compares what it would start and
// what it writes with the model. With PROA_E2E=full there are many more.
func TestRealUBootAgrees(t *testing.T) {
	many := append(pairs(os.Getenv("PROA_E2E") == "full"), refused()...)
	for _, c := range []struct {
		name    string
		on      target
		pairs   [][2][]byte
		forgets bool
		numbers bool
	}{
		{"arm64", arm64(), many, false, false}, {"arm64 on a card that forgets", arm64(), few(), true, false},
		{"arm64 with checksums as numbers", arm64(), append(few(), refused()...), false, true}, {"armv7", armv7(), few(), false, false},
	} {
		t.Run(c.name, func(t *testing.T) { agree(t, c.on, packed{c.pairs}, c.forgets, c.numbers) })
	}
}

// few returns all states, each as either copy.
func few() (list [][2][]byte) {
	for _, s := range statetest.States() {
		list = append(list, [2][]byte{uboot.Encode(s), uboot.Encode(s.Older())}, [2][]byte{statetest.Junk(uboot.Size), uboot.Encode(s)})
	}
	return list
}

// asNumber makes the script store checksums as a U-Boot without FIT images does: as a number in the byte order of the
// machine.
func asNumber(script string) string {
	return regexp.MustCompile(`(?m)^(\s*)crc32 (\w+) (\w+) (\w+)$`).ReplaceAllStringFunc(script, func(line string) string {
		words := strings.Fields(line)
		to, _ := strconv.ParseUint(words[3], 16, 64)
		for i := range uint64(4) {
			line += fmt.Sprintf("\ncp.b %x %x 1", to+i, to+23-i)
		}
		return line + fmt.Sprintf("\ncp.b %x %x 4", to+20, to)
	})
}

func agree(t *testing.T, on target, list packed, forgets, numbers bool) {
	state, files := list.bytes(), harness(t, on, len(list.pairs))
	if forgets {
		files["test.scr"] = strings.Replace(files["test.scr"], "if ${devtype} write ", "if true ", 1)
	}
	if numbers {
		files["test.scr"] = asNumber(files["test.scr"])
	}
	m := newMachine(t, on, state, files)
	console := started(m.run(t, 15*time.Minute))
	image, err := os.ReadFile(m.image)
	must(t, err)
	image = image[m.stateAt(t):]
	bad := 0
	for i, pair := range list.pairs {
		choice := uboot.Encoding().Boot(pair[0], pair[1], !forgets)
		want := pair
		if choice.Write >= 0 {
			want[choice.Write] = uboot.Encode(choice.Next)
		}
		diff := cmp.Diff(statetest.Console(choice), console[fmt.Sprintf("%x", i)])
		for place := range want {
			got := image[offset(i, place):][:uboot.Size]
			if !bytes.Equal(got, want[place]) {
				diff += fmt.Sprintf("copy %d is %.24q, want %.24q", place, got, want[place])
			}
		}
		if diff != "" {
			t.Errorf("case %d, %.24q and %.24q: %s", i, pair[0], pair[1], diff)
			if bad++; bad > 10 {
				t.Fatal("and maybe more")
			}
		}
	}
	if len(list.pairs) == 0 {
		t.Error("no pairs were tried")
	}
	t.Logf("%d pairs", len(list.pairs))
}

// refused returns pairs with sectors that have a valid checksum and an invalid state.
func refused() (list [][2][]byte) {
	for _, b := range uboot.Wrong() {
		list = append(list, [2][]byte{b, b}, [2][]byte{uboot.Encode(bootstate.State{Good: layout.B}), b})
	}
	return list
}
