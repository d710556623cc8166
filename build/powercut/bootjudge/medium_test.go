package bootjudge

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
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
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/images/slotsig/testkey"
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
	return slotimage.Slot{
		Board: board, Version: fmt.Sprintf("v%d", seed), Words: []string{"quiet"},
		Kernel: tree.Bytes(noise(seed, 70_000)), Initrd: tree.Bytes(noise(seed+1, 30_000)),
		Image: tree.Bytes(noise(seed+2, 3*verity.BlockSize)), Root: verity.Root{Hash: strings.Repeat("ab", 32), Size: 2 * verity.BlockSize},
		Chains: b.SlotChains(), UBoot: b.Scripts(), When: when, DTB: map[string]tree.Content{}, Sign: testkey.Sign,
	}
}

// fresh returns the disk of a new machine whose slot a is good, and a judge that knows it.
func fresh(t *testing.T, board, of string) (*medium, *Judge) {
	t.Helper()
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 40 * layout.MiB, StateSize: layout.MiB, RootSize: layout.MiB}
	table, err1 := spec.Fit(spec.ImageSize())
	now := slotOf(t, board, 1)
	manifest, sig, err2 := now.Signed()
	files, err3 := bootfs.Files(bootfs.New{Slot: now, Name: layout.A, Manifest: manifest, Signatures: sig, Config: []byte("version: 1\n"),
		SystemdBoot: []byte("MZ"), EFIName: "BOOTX64.EFI"})
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
	j, err := New(Judge{Chain: row, Size: spec.ImageSize(), Table: m.table, From: layout.A, Keys: testkey.Keys(),
		Manifests: map[layout.Slot][]byte{layout.A: manifest, layout.B: next}}, m)
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
	manifest, sig, err2 := m.next.Signed()
	if err := errors.Join(err, err2); err != nil {
		m.t.Fatal(err)
	}
	for _, e := range append(files, tree.File(slotfile.ManifestName, 0o644, tree.Bytes(manifest)), tree.File(slotsig.Name, 0o644, tree.Bytes(sig))) {
		if text, err := e.Content.ReadAll(); err != nil {
			m.t.Fatal(err)
		} else if e.Path != without {
			m.put(layout.B.Dir()+"/"+e.Path, text)
		}
	}
}

// foreign is a signature of slot b by a key that the machine does not know.
func (m *medium) foreign() []byte {
	manifest, err := m.next.Manifest()
	sig, err2 := testkey.Other(manifest)
	if err := errors.Join(err, err2); err != nil {
		m.t.Fatal(err)
	}
	return sig
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
