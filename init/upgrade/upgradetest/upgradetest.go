// Package upgradetest has what tests of the engine share: a machine as files, and slot files for it. It is only for tests:
// no program links it. Releases are made by build/releasing, which this package must not import; tests do.
package upgradetest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	"github.com/proa-os/proa/init/fetch/stream"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/origin"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// Device is a machine of the board pc as files: it boots with GRUB, slot a runs and is good, and nothing is in slot b.
type Device struct {
	Dir    string // has root-b, and boot as its boot partition
	Target slotwrite.Target
}

// Flash makes one in an empty directory; size is that of a root partition in bytes.
func Flash(t testing.TB, dir string, size int64, keys slottrust.Trust) Device {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(dir, "boot/grub"), 0o755))
	for i := range 2 {
		must(t, os.WriteFile(filepath.Join(dir, "boot/grub", grubenv.File(i)), grubenv.Encode(bootstate.State{Good: layout.A}), 0o600))
	}
	root := filepath.Join(dir, "root-b")
	must(t, errors.Join(os.WriteFile(root, nil, 0o600), os.Truncate(root, size)))
	d, err := Open(dir, keys)
	must(t, err)
	return d
}

// Open finds the slots of a device that was flashed, as a program that is started on it does.
func Open(dir string, keys slottrust.Trust) (Device, error) {
	s, err := slot.Find(slot.Boot{Chain: chain.Rows(chain.GRUB)[0], Dir: filepath.Join(dir, "boot")}, layout.A)
	return Device{dir, slotwrite.Target{Slots: s, Device: filepath.Join(dir, "root-b"), Board: "pc", Trust: keys}}, err
}

// State is the boot state.
func (d Device) State(t testing.TB) bootstate.State {
	t.Helper()
	var copies [2][]byte
	for i := range copies {
		copies[i], _ = os.ReadFile(filepath.Join(d.Dir, "boot/grub", grubenv.File(i)))
	}
	s, _, err := grubenv.Encoding().Choose(copies[0], copies[1])
	must(t, err)
	return s
}

// Opener opens places as proa-upgrade does, by the program proa-fetch, but gives a server up that is silent for a time.
func (d Device) Opener(program string, silent time.Duration) origin.Opener {
	return origin.Opener{Mark: upgrade.Marks(d.Dir), Web: func(urls ...string) (*transport.Web, error) {
		w, err := transport.NewWeb(stream.Client{Program: program}, urls...)
		if err == nil {
			w.Patience = transport.Patience{Stall: 10 * time.Second, Least: 1, Budget: silent, First: time.Millisecond, Last: 50 * time.Millisecond}
		}
		return w, err
	}}
}

// SlotFile is a slot file that is signed by images/slotsig/testkey; size is that of its root image in bytes, in blocks of
// images/verity. No two versions have a block in common.
func SlotFile(t testing.TB, board, version string, size int) []byte {
	t.Helper()
	image := bytes.Repeat([]byte(fmt.Sprintf("%-16s", version)), size/16)
	root := bytes.NewBuffer(bytes.Clone(image))
	hash, err := verity.Write(root, bytes.NewReader(image), int64(len(image)), nil, [16]byte{})
	must(t, err)
	text := func(name string) tree.Entry { return tree.File(name, 0o600, tree.Bytes([]byte(name))) }
	var b bytes.Buffer
	must(t, slotfile.Write(&b, slotfile.Contents{Board: board, Version: version, Cmdline: "quiet", Image: int64(len(image)), Hash: hex.EncodeToString(hash), Sign: testkey.Sign,
		Root: tree.Bytes(root.Bytes()), Files: []tree.Entry{text("boot/vmlinuz"), text("boot/initrd"), text("boot-a/grub.cfg"), text("boot-b/grub.cfg")}}, nil))
	return b.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
