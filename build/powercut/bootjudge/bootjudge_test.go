package bootjudge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotimage"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/uboot"
	"github.com/proa-os/proa/images/verity"
)

var when = time.Unix(1_700_000_000, 0)

// medium is a disk in memory; its roots are complete unless broken says otherwise.
type medium struct {
	*sparse.File
	t      *testing.T
	chains chain.List
	table  layout.Table
	broken string
	next   slotimage.Slot
}

func (m *medium) Whole(part string) bool { return part != m.broken }

func (m *medium) Same(off, size int64) string {
	b := make([]byte, size)
	if _, err := m.ReadAt(b, off); err != nil && err != io.EOF {
		m.t.Fatal(err)
	}
	return string(b)
}

func (m *medium) boot() layout.Partition {
	p, err := m.table.Find(layout.Boot, layout.Shared)
	if err != nil {
		m.t.Fatal(err)
	}
	return p
}

func (m *medium) put(name string, text []byte) {
	m.t.Helper()
	p := m.boot()
	if err := fat.Inject(m, p.Start, p.Size, name, text, when); err != nil {
		m.t.Fatal(err)
	}
}

func noise(seed uint64, size int) []byte {
	r, b := rand.New(rand.NewPCG(seed, 0)), make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func slotOf(t *testing.T, board string, seed uint64) slotimage.Slot {
	t.Helper()
	b, err := boards.Get(board)
	if err != nil {
		t.Fatal(err)
	}
	s := slotimage.Slot{Board: board, Version: fmt.Sprintf("v%d", seed), Words: []string{"quiet"}, Kernel: tree.Bytes(noise(seed, 70_000)), Initrd: tree.Bytes(noise(seed+1, 30_000)),
		Image: tree.Bytes(noise(seed+2, 3*verity.BlockSize)), Root: verity.Root{Hash: strings.Repeat("ab", 32), Size: 2 * verity.BlockSize},
		Chains: b.SlotChains(), UBoot: b.Scripts(), When: when, DTB: map[string]tree.Content{}}
	return s
}

// fresh returns the disk of a new machine whose slot a is good, and a judge that knows it.
func fresh(t *testing.T, board, of string) (*medium, *Judge) {
	t.Helper()
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 40 * layout.MiB, StateSize: layout.MiB, RootSize: layout.MiB}
	table, err1 := spec.Fit(spec.ImageSize())
	now := slotOf(t, board, 1)
	manifest, err2 := now.Manifest()
	files, err3 := bootfs.Files(bootfs.New{Slot: now, Name: layout.A, Manifest: manifest, Config: []byte("version: 1\n"), SystemdBoot: []byte("MZ"), EFIName: "BOOTX64.EFI"})
	m := &medium{File: sparse.New(spec.ImageSize()), t: t, next: slotOf(t, board, 10)}
	err4 := disk.Write(m, spec.ImageSize(), table, disk.Contents{Seed: "x", When: when, Boot: files, State: uboot.Fresh(layout.A)}, nil)
	next, err5 := m.next.Manifest()
	var err error
	m.table, _, err = gpt.Read(m, spec.ImageSize()) // as a machine has it: without labels
	if err := errors.Join(err, err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	m.state(bootstate.State{Good: layout.A})
	row, err := chain.Named(of)
	if err != nil {
		t.Fatal(err)
	}
	j, err := New(Judge{Chain: row, Size: spec.ImageSize(), Table: m.table, From: layout.A, Manifests: map[layout.Slot][]byte{layout.A: manifest, layout.B: next}}, m)
	if err != nil {
		t.Fatal(err)
	}
	return m, j
}

// state writes both copies for scripts, and for systemd-boot the entry of slot b as far as it is on trial.
func (m *medium) state(s bootstate.State) {
	m.t.Helper()
	if m.next.Chains.Has(chain.UBoot) {
		p, err := m.table.Find(layout.State, layout.Shared)
		if err != nil {
			m.t.Fatal(err)
		}
		for i := range 2 {
			if _, err := m.WriteAt(uboot.Encode(s), p.Start+uboot.Offset(i)); err != nil {
				m.t.Fatal(err)
			}
		}
		return
	}
	for i := range 2 {
		m.put(grubenv.Dir+"/"+grubenv.File(i), grubenv.Encode(s))
	}
	if s.Try == layout.B {
		m.entry(sdboot.Name{Slot: layout.B, Counted: true, Left: s.Left, Done: bootstate.MaxTries - s.Left}, 2, m.next.Cmdline(layout.B))
	}
}

func (m *medium) entry(name sdboot.Name, version uint64, line string) {
	m.put(sdboot.Dir+"/"+name.String(), sdboot.Entry{Slot: name.Slot, Title: "proa", Sequence: version, Cmdline: line}.Text())
}

// fill writes slot b; without names a file that it leaves out.
func (m *medium) fill(without string) {
	m.t.Helper()
	files, err := m.next.Files(layout.B)
	manifest, err2 := m.next.Manifest()
	if err := errors.Join(err, err2); err != nil {
		m.t.Fatal(err)
	}
	for _, e := range append(files, tree.File(slotfile.ManifestName, 0o644, tree.Bytes(manifest))) {
		if text, err := e.Content.ReadAll(); err != nil {
			m.t.Fatal(err)
		} else if e.Path != without {
			m.put(layout.B.Dir()+"/"+e.Path, text)
		}
	}
}

// TestVerdicts: what each chain starts, and what is refused.
func TestVerdicts(t *testing.T) {
	trial := bootstate.State{Good: layout.A, Try: layout.B, Left: 3}
	for _, c := range []struct {
		name   string
		change func(m *medium)
		want   string // Verdict, or a part of the error
	}{
		{"as it was", func(*medium) {}, "{a 1 1}"},
		{"written, not tried", func(m *medium) { m.fill("") }, "{a 1 1}"},
		{"on trial", func(m *medium) { m.fill(""); m.state(trial) }, "{b 1 4}"},
		{"on trial, one try left", func(m *medium) {
			m.fill("")
			m.state(bootstate.State{Good: layout.A, Try: layout.B, Left: 1})
		}, "{b 1 2}"},
		{"given up", func(m *medium) { m.fill(""); m.state(bootstate.State{Good: layout.A, Try: layout.B}) }, "{a 1 1}"},
		{"on trial and incomplete", func(m *medium) {
			m.fill("")
			m.put("slots/b/initrd", noise(5, 30_000))
			m.state(trial)
		}, "{a 4 4}"},
		{"on trial, another root", func(m *medium) { m.fill(""); m.state(trial); m.broken = "root-b" }, "{a 4 4}"},
		{"the running root", func(m *medium) { m.broken = "root-a" }, "slot a, which ran before the upgrade: root-a does not"},
		{"the running kernel", func(m *medium) { m.put("slots/a/vmlinuz", noise(4, 70_000)) }, "slots/a/vmlinuz: 70000 bytes, sha256"},
		{"the running manifest", func(m *medium) { m.put("slots/a/manifest.json", []byte("{}")) }, "slot a has a manifest of 2 bytes"},
		{"the configuration", func(m *medium) { m.put("config.yaml", []byte("version: 2\n")) }, "config.yaml has changed"},
		{"half a black box", func(m *medium) { m.put(blackbox.File, make([]byte, 4096)) }, "blackbox has 4096 bytes"},
		{"a black box", func(m *medium) { m.put(blackbox.File, noise(1, blackbox.Size)) }, "record 0 of blackbox is damaged"},
		{"no FAT", func(m *medium) { m.zero(m.boot().Start, 512) }, "boot partition: no FAT32"},
		{"no tables", func(m *medium) { m.zero(512, 512); m.zero(m.Size()-512, 512) }, "gpt: "},
		{"another table", func(m *medium) {
			if err := gpt.Write(m, m.Size(), m.table[1:], gpt.Derive("y", m.table)); err != nil {
				m.t.Fatal(err)
			}
		}, "4 partitions, were 5"},
	} {
		for board, of := range map[string][]string{"pc": {chain.GRUB, chain.SystemdBoot}, "arm64-virt": {chain.UBoot}} {
			for _, of := range of {
				m, j := fresh(t, board, of)
				c.change(m)
				v, err := j.Look(m)
				if got := fmt.Sprint(v); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s by %s: %s, %v; want %s", c.name, of, got, err, c.want)
				}
			}
		}
	}
}

func (m *medium) Size() int64 {
	st, err := m.Stat()
	if err != nil {
		m.t.Fatal(err)
	}
	return st.Size()
}

func (m *medium) zero(at int64, size int) {
	if _, err := m.WriteAt(make([]byte, size), at); err != nil {
		m.t.Fatal(err)
	}
}

// TestLost: what is on trial and cannot be loaded is passed over by a script, and is a lost boot under systemd-boot; a
// slot that is good and incomplete is a failure.
func TestLost(t *testing.T) {
	trial := bootstate.State{Good: layout.A, Try: layout.B, Left: 3}
	for of, want := range map[string]string{chain.GRUB: "{a 1 1}", chain.SystemdBoot: "{a 4 4}"} {
		m, j := fresh(t, "pc", of)
		m.fill("initrd")
		m.state(trial)
		if v, err := j.Look(m); err != nil || fmt.Sprint(v) != want {
			t.Errorf("%s: %v, %v; want %s", of, v, err, want)
		}
	}
	m, j := fresh(t, "pc", chain.GRUB)
	m.fill("")
	m.state(bootstate.State{Good: layout.B})
	if v, err := j.Look(m); err != nil || fmt.Sprint(v) != "{b 1 0}" {
		t.Errorf("b is good: %v, %v", v, err)
	}
	m.broken = "root-b"
	if v, err := j.Look(m); err == nil || !strings.Contains(err.Error(), "boot 5 starts slot b: root-b does not have the root image") {
		t.Errorf("b is good and incomplete: %v, %v", v, err)
	}
	m, j = fresh(t, "pc", chain.SystemdBoot)
	m.fill("")
	m.entry(sdboot.Trial(layout.B), 2, m.next.Cmdline(layout.A))
	if v, err := j.Look(m); err != nil || fmt.Sprint(v) != "{a 4 4}" {
		t.Errorf("an entry with the command line of the other slot: %v, %v", v, err)
	}
}

// TestOrder: an entry without tries left is the last one whatever its version, and of equal versions the higher name is first.
func TestOrder(t *testing.T) {
	m, j := fresh(t, "pc", chain.SystemdBoot)
	m.fill("")
	line := m.next.Cmdline(layout.B)
	m.entry(sdboot.Waiting(layout.B), 9, line) // no tries left: last
	if v, err := j.Look(m); err != nil || v.Slot != layout.A {
		t.Errorf("%v, %v", v, err)
	}
	m.entry(sdboot.Name{Slot: layout.B, Counted: true, Left: 1, Done: 2}, 1, line) // as new as slot a's: by name, b
	if v, err := j.Look(m); err != nil || fmt.Sprint(v) != "{b 1 2}" {
		t.Errorf("%v, %v", v, err)
	}
}

// TestReaders: images/fat and mtools read the same files as the judge, and a damaged long name is one for some readers only.
func TestReaders(t *testing.T) {
	m, j := fresh(t, "pc", chain.GRUB)
	m.fill("")
	s, err := j.see(m, false)
	if err != nil {
		t.Fatal(err)
	}
	p, file := m.boot(), filepath.Join(t.TempDir(), "fat")
	if err := os.WriteFile(file, []byte(m.Same(p.Start, p.Size)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.yaml", "slots/b/vmlinuz", "slots/b/manifest.json", "loader/entries/proa-a+3.conf", "blackbox", "EFI/BOOT/BOOTX64.EFI"} {
		got, err := s.content(name)
		want, err2 := fat.ReadFile(m, p.Start, p.Size, name)
		if err != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v; images/fat %d, %v", name, len(got), err, len(want), err2)
		}
		want, err = exec.Command(oracle.Tool(t, "mtype"), "-i", file, "::"+name).Output()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes; mtype %d, %v", name, len(got), len(want), err)
		}
	}
	at := p.Start + int64(bytes.Index([]byte(m.Same(p.Start, p.Size)), []byte("c\x00o\x00n\x00f\x00i\x00")))
	for _, c := range []struct {
		byte  byte
		off   int64
		wrong string
	}{{1, 12, "config.yaml is not there"}, {'k', 0, "config.yaml is not there"}} { // the checksum of the long name, a letter of it
		if _, err := m.WriteAt([]byte{c.byte}, at+c.off); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Look(m); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%v, want %s", err, c.wrong)
		}
	}
	if loose, err := j.see(m, true); err != nil {
		t.Error(err)
	} else if _, err := loose.find("konfig.yaml"); err != nil {
		t.Errorf("who ignores the checksum: %v", err)
	}
}
