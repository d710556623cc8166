package cli

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
)

// flashed is a disk below root that boots with GRUB: slot a runs and is good, slot b is empty.
func flashed(t *testing.T, root string) func() (slotwrite.Target, error) {
	t.Helper()
	e := Env{Root: root}
	for i := range 2 {
		put(t, e, "/disk/grub/"+grubenv.File(i), string(grubenv.Encode(bootstate.State{Good: layout.A})))
	}
	device := put(t, e, "/disk/root-b", "")
	if err := errors.Join(os.Truncate(device, 1<<20), os.MkdirAll(filepath.Join(root, "/run/proa"), 0o755)); err != nil {
		t.Fatal(err)
	}
	return func() (slotwrite.Target, error) {
		s, err := slot.Find(slot.Boot{Chain: chain.Rows(chain.GRUB)[0], Dir: filepath.Join(root, "disk")}, layout.A)
		return slotwrite.Target{Slots: s, Device: device, Board: "pc", Trust: slottrust.Of(testkey.Keys())}, err
	}
}

// slotFile writes a slot file for that board and returns its path.
func slotFile(t *testing.T, e Env, board string) string {
	t.Helper()
	image := make([]byte, 40*verity.BlockSize)
	root := bytes.NewBuffer(bytes.Clone(image))
	hash, err := verity.Write(root, bytes.NewReader(image), int64(len(image)), nil, [16]byte{})
	if err != nil {
		t.Fatal(err)
	}
	text := func(name string) tree.Entry { return tree.File(name, 0o600, tree.Bytes([]byte(name))) }
	var b bytes.Buffer
	err = slotfile.Write(&b, slotfile.Contents{Board: board, Version: "v2", Cmdline: "quiet", Image: int64(len(image)), Hash: hex.EncodeToString(hash),
		Sign: testkey.Sign, Root: tree.Bytes(root.Bytes()), Files: []tree.Entry{text("boot/vmlinuz"), text("boot/initrd"), text("boot-a/grub.cfg"), text("boot-b/grub.cfg")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, e, "/"+board+".slot", b.String())
}

// state returns the boot state as the boot loader reads it.
func state(t *testing.T, e Env) bootstate.State {
	t.Helper()
	var copies [2][]byte
	for i := range copies {
		copies[i], _ = os.ReadFile(filepath.Join(e.Root, "disk/grub", grubenv.File(i)))
	}
	s, _, err := grubenv.Encoding().Choose(copies[0], copies[1])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSlotWriteAndTry(t *testing.T) {
	e := device(t)
	file := slotFile(t, e, "pc")
	code, out, errs := run(e, "slot", "write", "b", file)
	if code != 0 || !strings.HasSuffix(out, "slot b holds proa v2; to boot it: proa slot try b --reboot\n") || !strings.Contains(out, "check root.img   100 %") {
		t.Fatalf("exit %d, %q, %q", code, out, errs)
	}
	if s := state(t, e); s.Try != layout.Shared {
		t.Errorf("written, and the next boot is a trial: %v", s)
	}
	if _, out, _ := run(e, "slot"); !strings.Contains(out, "other b written v2\n") {
		t.Errorf("%q", out)
	}
	if code, out, errs := run(e, "slot", "try", "b"); code != 0 || !strings.HasSuffix(out, "the next boot is a trial of slot b, proa v2; to restart now: proa reboot\n") {
		t.Fatalf("exit %d, %q, %q", code, out, errs)
	}
	if s := state(t, e); s.Try != layout.B || s.Left != bootstate.MaxTries || s.Good != layout.A {
		t.Errorf("tried: %v", s)
	}
}

// TestStandardInput: a slot file from a pipe is written while it arrives.
func TestStandardInput(t *testing.T) {
	e := device(t)
	b, err := os.ReadFile(slotFile(t, e, "pc"))
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = was }()
	go func() {
		for len(b) > 0 {
			n := min(len(b), 3000)
			_, _ = w.Write(b[:n])
			b = b[n:]
		}
		w.Close()
	}()
	if code, out, errs := run(e, "slot", "write", "b", "-"); code != 0 {
		t.Fatalf("exit %d, %q, %q", code, out, errs)
	}
}

// TestInterrupted: a blocked read ends with the signal.
func TestInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	was := os.Stdin
	os.Stdin = r
	defer func() { os.Stdin = was }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	in, err := Env{}.input(ctx, "-")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestSlotMistakes(t *testing.T) {
	e := device(t)
	file, foreign := slotFile(t, e, "pc"), slotFile(t, e, "rpi3")
	for _, c := range []struct{ args, want string }{
		{"slot write", "proa slot write a|b FILE"},
		{"slot write b", "proa slot write a|b FILE"},
		{"slot write c " + file, "slot \"c\": want a or b"},
		{"slot write a " + file, "slot a is running; the other one is slot b"},
		{"slot write b /nowhere", "open /nowhere: no such file or directory"},
		{"slot write b " + foreign, "check: the slot file is for the board rpi3, this machine is pc\n"},
		{"slot write b " + e.Root + "/boot/config.yaml", "slot file: truncated"},
		{"slot write b " + e.Root + "/disk/root-b", "not a slot file: it has no manifest"},
		{"slot try b", "slot b was never written completely; write it first: proa slot write b FILE"},
		{"slot try a", "slot a is running"},
		{"slot try", "proa slot try a|b"},
		{"slot rollback", "slot b was never good"},
		{"slot rollback now", "unexpected argument \"now\""},
		{"slot wrte b", "did you mean \"slot write\"?"},
		{"slot b", "unexpected argument \"b\""},
	} {
		code, _, errs := run(e, strings.Fields(c.args)...)
		if code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit %d, %q", c.args, code, errs)
		}
	}
	if s := state(t, e); s != (bootstate.State{Good: layout.A}) {
		t.Errorf("the boot state was changed: %v", s)
	}
}

// TestSlotAlone: only one command may change slots at a time.
func TestSlotAlone(t *testing.T) {
	e := device(t)
	lock, err := e.lock()
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(e, "slot", "write", "b", slotFile(t, e, "pc")); code != 1 || !strings.Contains(errs, "another proa slot command is running") {
		t.Errorf("exit %d, %q", code, errs)
	}
	lock.Close()
	if code, _, errs := run(e, "slot", "write", "b", slotFile(t, e, "pc")); code != 0 {
		t.Errorf("exit %d, %q", code, errs)
	}
}
