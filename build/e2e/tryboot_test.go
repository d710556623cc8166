package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/dtoverlay"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tryboot/model"
)

// starts runs the model of Raspberry Pi's firmware on a built image, which has slot a only: it boots slot a by default;
// a trial boot starts nothing or slot a, depending on the EEPROM; and slot b once the built slot file is in its
// partition.
func (j judged) starts(t *testing.T) {
	f, err := os.OpenFile(j.file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pi := model.Firmware{Board: model.Pi5(), Disk: f}
	j.isSlot(t, pi, false, layout.A, 0)
	j.overlays(t, f)
	if s, err := pi.Boot(true); err == nil {
		t.Errorf("a trial of an empty slot starts partition %d", s.Partition)
	}
	pi.Walk = true
	j.isSlot(t, pi, true, layout.A, j.board.Tryboot.Watchdog) // PARTITION_WALK: it uses the trial's settings, though not the trial's slot
	pi.Walk = false
	if err := j.fill(f, layout.B); errors.Is(err, os.ErrNotExist) {
		t.Logf("no trial of slot b: make slot BOARD=%s", j.board.Name)
		return
	} else if err != nil {
		t.Fatal(err)
	}
	j.isSlot(t, pi, false, layout.A, 0)
	j.isSlot(t, pi, true, layout.B, j.board.Tryboot.Watchdog)
}

// isSlot boots the model and checks that all files come from the slot's own partition.
func (j judged) isSlot(t *testing.T, pi model.Firmware, flag bool, slot layout.Slot, watchdog int) {
	t.Helper()
	s, err := pi.Boot(flag)
	if err != nil {
		t.Errorf("trial %t: %v", flag, err)
		return
	}
	own, err := j.table.Find(layout.Boot, slot)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("trial %t: partition %d, kernel %d, initrd %d, device tree %d bytes, watchdog %d s, %s", flag, s.Partition, len(s.Kernel), len(s.Initrd), len(s.Tree), s.Watchdog, s.Cmdline)
	words := strings.Fields(s.Cmdline)
	if s.Partition != own.Index || s.Watchdog != watchdog || words[len(words)-1] != "proa.slot="+string(slot) || !strings.Contains(s.Cmdline, " proa.board="+j.board.Name+" ") {
		t.Errorf("trial %t: it is not slot %s in partition %d, with a watchdog of %d s", flag, slot, own.Index, watchdog)
	}
	if k := unzipped(t, s.Kernel); len(k) < 64 || string(k[56:60]) != "ARM\x64" { // Documentation/arch/arm64/booting.rst
		t.Errorf("trial %t: no kernel for arm64", flag)
	}
	if !bytes.HasPrefix(s.Initrd, []byte{0x28, 0xb5, 0x2f, 0xfd}) { // RFC 8878, 3.1.1
		t.Errorf("trial %t: the initramfs is not compressed by zstd", flag)
	}
	if !bytes.HasPrefix(s.Tree, []byte{0xd0, 0x0d, 0xfe, 0xed}) || !bytes.Contains(s.Tree, []byte("raspberrypi,5-model-b\x00")) {
		t.Errorf("trial %t: no device tree of a Raspberry Pi 5", flag)
	}
}

// overlays has libfdt apply each overlay to its tree, which must give the wanted tree.
func (j judged) overlays(t *testing.T, img fat.Image) {
	own, err := j.table.Find(layout.Boot, layout.A)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	save := func(name string) (string, []byte) {
		text, err := fat.ReadFile(img, own.Start, own.Size, name)
		file := filepath.Join(dir, path.Base(name))
		if err := errors.Join(err, os.WriteFile(file, text, 0o600)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return file, text
	}
	for _, o := range j.board.Tryboot.Overlays {
		from, _ := save(path.Base(o.From))
		over, _ := save(o.To)
		_, want := save(path.Base(o.Want))
		run(t, "fdtoverlay", "-i", from, "-o", from+".got", over)
		got, err := os.ReadFile(from + ".got")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dtoverlay.Between(got, want); !errors.Is(err, dtoverlay.ErrSame) {
			t.Errorf("%s does not make %s of %s: %v", o.To, o.Want, o.From, err)
		}
	}
}

func unzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Error(err)
		return nil
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Error(err)
	}
	return out
}

// fill puts the files of the built slot file into the slot's boot partition, as the device does.
func (j judged) fill(img fat.Image, slot layout.Slot) error {
	f, err := os.Open(filepath.Join("../../out", j.board.Name, "proa-"+j.board.Name+".slot"))
	if err != nil {
		return err
	}
	defer f.Close()
	own, err := j.table.Find(layout.Boot, slot)
	if err != nil {
		return err
	}
	r, err := slotfile.NewReader(f)
	for err == nil {
		var e *slotfile.Entry
		if e, err = r.Next(); e == nil {
			break
		}
		name, ok := e.For(slot)
		if !ok {
			continue
		}
		var text []byte
		if text, err = io.ReadAll(e); err == nil {
			err = fat.Inject(img, own.Start, own.Size, name, text, time.Unix(0, 0))
		}
	}
	return err
}
