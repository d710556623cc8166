package bootjudge

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sdboot"
	"github.com/proa-os/proa/images/slotsig"
)

// verdict is a change of a disk and what the judge says of it.
type verdict struct {
	name   string
	change func(m *medium)
	want   string // Verdict, or a part of the error
}

func verdicts() []verdict {
	trial := bootstate.State{Good: layout.A, Try: layout.B, Left: 3}
	return []verdict{
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
		{"on trial and not signed", func(m *medium) { m.fill(slotsig.Name); m.state(trial) }, "{a 4 4}"},
		{"on trial, signed by another key", func(m *medium) {
			m.fill("")
			m.put("slots/b/"+slotsig.Name, m.foreign())
			m.state(trial)
		}, "{a 4 4}"},
		{"the running slot's signature", func(m *medium) { m.put("slots/a/"+slotsig.Name, m.foreign()) }, "slot a, which ran before the upgrade: slot a: "},
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
	}
}

// TestVerdicts: what each chain starts, and what is refused.
func TestVerdicts(t *testing.T) {
	for _, c := range verdicts() {
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
