package bootjudge

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
)

// whole says what is wrong with a slot: its manifest and who signed it, each file by its checksum, the root partition, the command line of
// systemd-boot's entry. nil: it is complete, and runs.
func (s *seen) whole(of layout.Slot, at start) error {
	err, known := s.known[of]
	if !known {
		err = s.complete(of)
		s.known[of] = err
	}
	if err == nil && at.entry != nil {
		m, _ := slotfile.ParseManifest(s.judge.Manifests[of])
		if at.entry.Cmdline != cmdline.OfSlot(m.Cmdline, of) {
			err = fmt.Errorf("the entry has the command line %q", at.entry.Cmdline)
		}
	}
	return err
}

// complete is whole without the entry.
func (s *seen) complete(of layout.Slot) error {
	raw, err := s.content(of.Dir() + "/" + slotfile.ManifestName)
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, s.judge.Manifests[of]) {
		return fmt.Errorf("slot %s has a manifest of %d bytes that was never written there", of, len(raw))
	}
	if sig, err := s.content(of.Dir() + "/" + slotsig.Name); err != nil {
		return err
	} else if err := s.judge.Keys.Verify(raw, sig); err != nil {
		return fmt.Errorf("slot %s: %w", of, err)
	}
	m, err := slotfile.ParseManifest(raw)
	if err != nil {
		return err
	}
	for _, f := range m.Files {
		name, ok := f.For(of)
		if !ok {
			continue
		}
		if err := s.same(of.Dir()+"/"+name, f); err != nil {
			return err
		}
	}
	if part := layout.Root.Of(of); !s.disk.Whole(part) {
		return fmt.Errorf("%s does not have the root image of the manifest", part)
	}
	return nil
}

// same compares a file with the manifest, or with what the judge was told of it.
func (s *seen) same(path string, want slotfile.File) error {
	list, f, err := s.extents(path)
	if err != nil {
		return err
	}
	sum, err := s.sum(list)
	if err != nil {
		return err
	}
	if adapted := s.judge.Adapted[path]; adapted != "" && sum == adapted {
		return nil
	}
	if f.length != want.Size || sum != want.SHA256 {
		return fmt.Errorf("%s: %d bytes, sha256 %.12s…; the manifest says %d, %.12s…", path, f.length, sum, want.Size, want.SHA256)
	}
	return nil
}

// sum returns the checksum of a file, which is computed once for equal contents.
func (s *seen) sum(list []extent) (string, error) {
	same := sha256.New()
	for _, e := range list {
		fmt.Fprintf(same, "%d:%s", e.size, s.disk.Same(e.at, e.size))
	}
	key := string(same.Sum(nil))
	if known, ok := s.judge.sums[key]; ok {
		return known, nil
	}
	text, err := s.read(list)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	s.judge.sums[key] = hex.EncodeToString(sum[:])
	return s.judge.sums[key], nil
}

// loads says whether a boot loader's script gets as far as starting the kernel of a slot.
func (s *seen) loads(of layout.Slot) bool {
	for _, name := range []string{s.judge.Chain.Starter, layout.KernelFile, layout.InitrdFile} {
		if name == "" {
			continue
		}
		if list, f, err := s.extents(of.Dir() + "/" + name); err != nil || f.length == 0 || len(list) == 0 {
			return false
		}
	}
	return true
}
