package slotwrite

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/slotsig/testkey"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/uboot"
	"github.com/proa-os/proa/images/verity"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
)

// tested is a flashed disk with slot a good, as files: the boot partition, and the other slot's root partition. It is
// named by the boot chain that started the machine from it.
type tested struct{ name string }

var chains = []tested{{chain.GRUB}, {chain.SystemdBoot}, {chain.UBoot}}

func (c tested) row() chain.Chain { return chain.Rows(c.name)[0] }

func (c tested) inEntries() bool { return c.row().State == chain.InEntries }

// pc are the chains of a disk for PCs.
func pc() chain.List { return chain.Rows(chain.SystemdBoot, chain.GRUB) }

const deviceSize = 4 << 20

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// flashed writes a new image's boot partition and marks slot a good.
func flashed(t *testing.T, c tested) (Target, string) {
	t.Helper()
	dir := t.TempDir()
	first := bootfs.New{Name: layout.A, SystemdBoot: []byte("MZ"), EFIName: "BOOTX64.EFI", Slot: slotimage.Slot{Chains: pc(),
		Words: []string{"quiet"}, Kernel: tree.Bytes([]byte("K1")), Initrd: tree.Bytes([]byte("I1"))}}
	b := slot.Boot{Chain: c.row(), Dir: filepath.Join(dir, "boot")}
	if c.name == chain.UBoot {
		first.Chains = chain.List{c.row()}
		first.UBoot = uboot.Board{Start: "bootz", FirmwareDTB: "fdt_addr", Addresses: uboot.Addresses{
			Kernel: 0x1000000, Initrd: 0x3000000, Script: 0x800000, State: 0x900000}}
		b.State = filepath.Join(dir, "state")
		must(t, os.WriteFile(b.State, uboot.Fresh(layout.A), 0o600))
	}
	files, err := bootfs.Files(first)
	must(t, err)
	for _, e := range files {
		path := filepath.Join(b.Dir, e.Path)
		if e.Mode.IsDir() {
			must(t, os.MkdirAll(path, 0o755))
			continue
		}
		text, err := e.Content.ReadAll()
		must(t, errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o600)))
	}
	device := filepath.Join(dir, "root-b")
	must(t, errors.Join(os.WriteFile(device, nil, 0o600), os.Truncate(device, deviceSize)))
	s, err := slot.Find(b, layout.A)
	must(t, err)
	must(t, s.Good())
	return Target{Slots: s, Device: device, Board: "pc", Trust: slottrust.Of(testkey.Keys())}, b.Dir
}

func each(t *testing.T, do func(t *testing.T, c tested)) {
	for _, c := range chains {
		t.Run(c.name, func(t *testing.T) { do(t, c) })
	}
}

// contents returns a slot with a matching hash tree.
func contents(t testing.TB, version string) slotfile.Contents {
	t.Helper()
	image := bytes.Repeat([]byte(version+"\n"), verity.BlockSize)
	image = image[:len(image)/verity.BlockSize*verity.BlockSize]
	var root bytes.Buffer
	root.Write(image)
	hash, err := verity.Write(&root, bytes.NewReader(image), int64(len(image)), nil, [16]byte{})
	must(t, err)
	file := func(name, text string) tree.Entry { return tree.File(name, 0o600, tree.Bytes([]byte(text))) }
	return slotfile.Contents{Board: "pc", Version: version, Cmdline: "quiet", Image: int64(len(image)), Hash: hex.EncodeToString(hash), Root: tree.Bytes(root.Bytes()), Sign: testkey.Sign,
		Files: []tree.Entry{file("boot/vmlinuz", "kernel "+version), file("boot/initrd", strings.Repeat("initrd", 1000)), file("boot/dtb/x.dtb", "dtb"),
			file("boot-a/grub.cfg", "start a"), file("boot-b/grub.cfg", "start b"), file("boot-a/boot.scr", "start a"), file("boot-b/boot.scr", "start b")}}
}

func file(t testing.TB, c slotfile.Contents) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, slotfile.Write(&b, c, nil))
	return b.Bytes()
}

// startable lists the files by which a boot loader would boot slot b.
func startable(boot string) (list []string) {
	for _, pattern := range []string{"slots/b/grub.cfg", "slots/b/boot.scr", sdboot.Dir + "/proa-b*.conf"} {
		found, _ := filepath.Glob(filepath.Join(boot, pattern))
		list = append(list, found...)
	}
	return list
}

func look(t *testing.T, target Target) string {
	t.Helper()
	h, err := Look(target)
	must(t, err)
	return h.String()
}

func TestWriteAndTry(t *testing.T) {
	each(t, func(t *testing.T, c tested) {
		target, boot := flashed(t, c)
		if got := look(t, target); got != "empty" {
			t.Errorf("before: %q", got)
		}
		if _, err := Try(t.Context(), target); err == nil || !strings.Contains(err.Error(), "proa slot write b FILE") {
			t.Errorf("trial of an empty slot: %v", err)
		}
		for _, version := range []string{"v2", "v3"} { // also over an existing one
			_, err := Write(t.Context(), target, bytes.NewReader(file(t, contents(t, version))))
			must(t, err)
			if got := look(t, target); got != "written "+version {
				t.Errorf("written: %q", got)
			}
			has(t, filepath.Join(boot, "slots/b/vmlinuz"), "kernel "+version)
			has(t, filepath.Join(boot, "slots/b/grub.cfg"), "start b")
			has(t, filepath.Join(boot, "slots/a/vmlinuz"), "K1")
			root, err := contents(t, version).Root.ReadAll()
			must(t, err)
			if device, err := os.ReadFile(target.Device); err != nil || !bytes.HasPrefix(device, root) || len(device) != deviceSize {
				t.Errorf("the partition does not hold the root image: %v", err)
			}
			if c.inEntries() {
				has(t, filepath.Join(boot, sdboot.Dir, "proa-b+0.conf"), "title proa "+version+"\nsort-key proa\nversion 0\nlinux /slots/b/vmlinuz\ninitrd /slots/b/initrd\noptions quiet proa.slot=b\n")
			}
		}
		renewed := 0
		target.Renew = func() error { renewed++; return nil }
		m, err := Try(t.Context(), target)
		if renewed != 1 {
			t.Errorf("renewed %d times", renewed)
		}
		if err != nil || m.Version != "v3" {
			t.Fatalf("%q, %v", m.Version, err)
		}
		if left, _ := filepath.Glob(filepath.Join(boot, "slots/b/*"+slotfile.TempSuffix)); left != nil {
			t.Errorf("left over: %q", left)
		}
	})
}

func has(t *testing.T, path, want string) {
	t.Helper()
	if text, err := os.ReadFile(path); err != nil || string(text) != want {
		t.Errorf("%s: %q, %v; want %q", path, text, err, want)
	}
}

// TestRefusedBeforeAnythingIsTouched: after a refusal the content of the slot is unchanged and bootable.
func TestRefusedBeforeAnythingIsTouched(t *testing.T) {
	each(t, func(t *testing.T, c tested) {
		for name, r := range map[string]struct {
			change func(t *testing.T, target *Target, c *slotfile.Contents)
			want   string
		}{
			"not signed":     {func(_ *testing.T, _ *Target, c *slotfile.Contents) { c.Sign = nil }, "0 of 0 signatures"},
			"another key":    {func(_ *testing.T, _ *Target, c *slotfile.Contents) { c.Sign = testkey.Other }, "take a slot that was built with the keys of this machine's image"},
			"no keys loaded": {func(_ *testing.T, target *Target, _ *slotfile.Contents) { target.Trust = slottrust.Trust{} }, "no keys of slots were loaded"},
			"board":          {func(_ *testing.T, _ *Target, c *slotfile.Contents) { c.Board = "rpi3" }, "for the board rpi3, this machine is pc"},
			"room":           {func(t *testing.T, target *Target, _ *slotfile.Contents) { must(t, os.Truncate(target.Device, 4096)) }, "does not fit"},
			"no part":        {func(_ *testing.T, target *Target, _ *slotfile.Contents) { target.Device += "x" }, "no such file"},
			"on trial": {func(t *testing.T, target *Target, _ *slotfile.Contents) {
				must(t, errors.Join(target.Slots.Try(), other(t, c, target).Good(), other(t, c, target).Try()))
			}, "slot a is on trial"},
		} {
			target, boot := flashed(t, c)
			_, err := Write(t.Context(), target, bytes.NewReader(file(t, contents(t, "v2"))))
			must(t, err)
			con := contents(t, "v3")
			r.change(t, &target, &con)
			before := startable(boot)
			if _, err := Write(t.Context(), target, bytes.NewReader(file(t, con))); err == nil || !strings.Contains(err.Error(), r.want) || strings.Contains(err.Error(), "incomplete") {
				t.Errorf("%s: %v", name, err)
			}
			if got := startable(boot); before == nil || !slices.Equal(got, before) {
				t.Errorf("%s: %q became %q", name, before, got)
			}
			has(t, filepath.Join(boot, "slots/b/vmlinuz"), "kernel v2")
		}
	})
}

// other returns the boot state as seen from slot b: its other slot is a.
func other(t *testing.T, c tested, target *Target) slot.Slots {
	t.Helper()
	boot := filepath.Join(filepath.Dir(target.Device), "boot")
	b := slot.Boot{Chain: c.row(), Dir: boot}
	if state := filepath.Join(filepath.Dir(boot), "state"); exists(state) {
		b.State = state
	}
	s, err := slot.Find(b, layout.B)
	must(t, err)
	return s
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func TestAnotherLayout(t *testing.T) {
	m, err := slotfile.NewManifest(contents(t, "v2"))
	must(t, err)
	m.Layout++
	j := &job{Target: Target{Board: "pc"}, m: m}
	if err := checkFit(t.Context(), j); err == nil || !strings.Contains(err.Error(), "flash the disk again") {
		t.Error(err)
	}
}

// TestLateFilesAreSmall: a file that makes a slot bootable for Raspberry Pi's firmware is the same for both slots, and
// is kept in memory.
func TestLateFilesAreSmall(t *testing.T) {
	target, boot := flashed(t, chains[0])
	con := contents(t, "v2")
	con.Files = append(con.Files, tree.File("boot/config.txt", 0o600, tree.Bytes(make([]byte, slotfile.MaxScript))))
	cut := file(t, con)
	if _, err := Write(t.Context(), target, bytes.NewReader(cut[:len(cut)-1])); err == nil || exists(filepath.Join(boot, "slots/b/config.txt")) {
		t.Errorf("%v: it would be started", err)
	}
	_, err := Write(t.Context(), target, bytes.NewReader(cut))
	must(t, err)
	has(t, filepath.Join(boot, "slots/b/config.txt"), string(make([]byte, slotfile.MaxScript)))
	con.Files[len(con.Files)-1] = tree.File("boot/config.txt", 0o600, tree.Bytes(make([]byte, slotfile.MaxScript+1)))
	if _, err := Write(t.Context(), target, bytes.NewReader(file(t, con))); err == nil || !strings.Contains(err.Error(), "at most are kept in memory") {
		t.Errorf("%v", err)
	}
}

func TestNoRoomForBootFiles(t *testing.T) {
	j := &job{slot: layout.B, m: slotfile.Manifest{Files: []slotfile.File{{Name: "boot/vmlinuz", Size: 1 << 60}}}}
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "slots/b")} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Dir(dir)), 0o755))
		if err := j.checkRoom(dir); err == nil || !strings.Contains(err.Error(), "has room for") {
			t.Error(err)
		}
	}
}

// TestBrokenOff: wherever the file is truncated or damaged, the slot is not bootable afterwards, and writing the intact
// file again succeeds.
func TestBrokenOff(t *testing.T) {
	each(t, func(t *testing.T, c tested) {
		target, boot := flashed(t, c)
		whole := file(t, contents(t, "v2"))
		first := bytes.Index(whole, []byte("kernel"))
		cuts := []int{first - 600, first, first + 3, len(whole) / 2, len(whole) - 2000, len(whole) - 1}
		for _, n := range cuts {
			_, err := Write(t.Context(), target, bytes.NewReader(file(t, contents(t, "v1"))))
			must(t, err)
			damaged := slices.Clone(whole)
			damaged[n] ^= 1
			for what, in := range map[string]io.Reader{"cut": bytes.NewReader(whole[:n]), "damaged": bytes.NewReader(damaged)} {
				_, err := Write(t.Context(), target, in)
				if err == nil || !strings.Contains(err.Error(), "slot b is incomplete") {
					t.Errorf("%s at %d: %v", what, n, err)
				}
				if list := startable(boot); list != nil {
					t.Errorf("%s at %d: it would be started by %q", what, n, list)
				}
				if _, err := Try(t.Context(), target); err == nil {
					t.Errorf("%s at %d: it is tried", what, n)
				}
				if got := look(t, target); n > len(whole)/3 && got != "half-written" {
					t.Errorf("%s at %d: %q", what, n, got)
				}
			}
		}
		_, err := Write(t.Context(), target, bytes.NewReader(whole))
		must(t, err)
		_, err = Try(t.Context(), target)
		must(t, err)
	})
}

// TestStopped: Ctrl-C in the middle of any step.
func TestStopped(t *testing.T) {
	for _, when := range []string{"write root.img", "check root.img"} {
		target, boot := flashed(t, chains[0])
		ctx, cancel := context.WithCancel(t.Context())
		target.Progress = func(step string, _, _ int64) {
			if step == when {
				cancel()
			}
		}
		_, err := Write(ctx, target, bytes.NewReader(file(t, contents(t, "v2"))))
		if !errors.Is(err, errStopped) || !strings.Contains(err.Error(), "stopped\nslot b is incomplete and cannot be booted; run the same command again") || startable(boot) != nil {
			t.Errorf("%s: %v; %q", when, err, startable(boot))
		}
	}
}

// TestSilent: a slot file that stops arriving ends the write after a while without progress, and the slot is left as
// after any other failure. The timeline has the steps until there.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target, boot := flashed(t, chains[0])
		release, began := make(chan struct{}), time.Now()
		defer close(release)
		target.Clock = func() time.Duration { return time.Since(began) }
		var done []step.Result
		target.Timeline = func(all []step.Result) { done = all }
		text := file(t, contents(t, "v2"))
		_, err := Write(t.Context(), target, io.MultiReader(bytes.NewReader(text[:len(text)-verity.BlockSize]), silent{release}))
		if err == nil || err.Error() != "root: not done after 10m0s\nslot b is incomplete and cannot be booted; run the same command again" || startable(boot) != nil {
			t.Errorf("%v; %q", err, startable(boot))
		}
		if last := done[len(done)-1]; len(done) != 5 || last.List != "slot-write" || last.Name != "root" || last.TookMs != 600000 || !last.Failed() {
			t.Errorf("timeline %+v", done)
		}
	})
}

type silent struct{ release chan struct{} }

func (s silent) Read([]byte) (int, error) { <-s.release; return 0, io.EOF }

// TestSlowButSteady: a slot file may take any time to arrive.
func TestSlowButSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target, _ := flashed(t, chains[0])
		began := time.Now()
		_, err := Write(t.Context(), target, &slow{bytes.NewReader(file(t, contents(t, "v2")))})
		if took := time.Since(began); err != nil || took < 2*patience {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// TestSlowMedium: a step whose progress is shown may take any time; here each of its parts takes 9 minutes.
func TestSlowMedium(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target, _ := flashed(t, chains[0])
		_, err := Write(t.Context(), target, bytes.NewReader(file(t, contents(t, "v2"))))
		must(t, err)
		began := time.Now()
		target.Progress = func(string, int64, int64) { time.Sleep(9 * time.Minute) }
		if err := slowRoot(t.Context(), target, 4); err != nil || time.Since(began) < 3*patience {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// slowRoot runs a list with one step that reports its progress some times.
func slowRoot(ctx context.Context, target Target, times int) error {
	j := &job{Target: target, slot: layout.B}
	parts := func(_ context.Context, j *job) error {
		for n := range times {
			j.tick("check root.img", int64(n), int64(times))
		}
		return nil
	}
	return j.run(ctx, "slot-try", []row{{"root", parts, step.Halt, patience, damaged}})
}

// slow takes a minute for each read.
type slow struct{ r io.Reader }

func (s *slow) Read(b []byte) (int, error) {
	time.Sleep(time.Minute)
	return s.r.Read(b[:min(len(b), 512)])
}

// TestBadMedium: the medium returns other bytes than were written.
func TestBadMedium(t *testing.T) {
	each(t, func(t *testing.T, c tested) {
		target, boot := flashed(t, c)
		target.Progress = func(step string, done, total int64) {
			if step == "write root.img" && done == total {
				flip(t, target.Device, total/2)
			}
		}
		_, err := Write(t.Context(), target, bytes.NewReader(file(t, contents(t, "v2"))))
		if err == nil || !strings.Contains(err.Error(), "read-back-root: checksum mismatch on the medium") || startable(boot) != nil {
			t.Errorf("%v; %q", err, startable(boot))
		}
	})
}

// flip changes one byte.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b, at)
	must(t, errors.Join(err, f.Close()))
}

// TestDamagedSinceItWasWritten: every file of the slot is verified again before a trial.
func TestDamagedSinceItWasWritten(t *testing.T) {
	each(t, func(t *testing.T, c tested) {
		for _, name := range []string{"vmlinuz", "initrd", "dtb/x.dtb", "grub.cfg", "boot.scr", slotfile.ManifestName, slotsig.Name, "root"} {
			target, boot := flashed(t, c)
			_, err := Write(t.Context(), target, bytes.NewReader(file(t, contents(t, "v2"))))
			must(t, err)
			path := filepath.Join(boot, "slots/b", name)
			if name == "root" {
				path = target.Device
			}
			flip(t, path, 1)
			before, _, err := other(t, c, &target).Trial()
			must(t, err)
			if _, err := Try(t.Context(), target); err == nil {
				t.Errorf("%s is damaged, and the slot is tried", name)
			}
			if after, left, err := other(t, c, &target).Trial(); err != nil || !c.inEntries() && after != before || left != 0 {
				t.Errorf("%s: on trial %t, tries left %d, %v", name, after, left, err)
			}
		}
	})
}

// TestMemory: a root of 64 MiB is written and verified with less than 8 MiB of memory.
func TestMemory(t *testing.T) {
	target, _ := flashed(t, chains[0])
	con := contents(t, "v2")
	const size = 64 << 20
	must(t, os.Truncate(target.Device, size))
	con.Root = tree.Content{Size: size, Open: func() (io.ReadCloser, error) { return io.NopCloser(io.LimitReader(zero{}, size)), nil }}
	r, w := io.Pipe()
	go func() { w.CloseWithError(slotfile.Write(w, con, nil)) }()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Write(t.Context(), target, r)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "verity:") { // zeros have no hash tree; all earlier steps passed
		t.Error(err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

type zero struct{}

func (zero) Read(b []byte) (int, error) { clear(b); return len(b), nil }
