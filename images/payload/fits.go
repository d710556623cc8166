package payload

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/proa-os/proa/images/slotfile"
)

// Fits compares an index with the manifest that it is for, and with the forms that are known.
func (x *Index) Fits(text []byte, known Forms) (m slotfile.Manifest, err error) {
	forms, err := known.Of(x.Files)
	if err != nil {
		return m, err
	}
	if x.Manifest != sha256.Sum256(text) {
		return m, errors.New("the payload is for another manifest")
	}
	if m, err = slotfile.ParseManifest(text); err != nil {
		return m, err
	}
	if len(m.Files) != len(x.Files) {
		return m, fmt.Errorf("%d files, the manifest has %d", len(x.Files), len(m.Files))
	}
	for i, f := range m.Files {
		size := f.Size
		if f.Name == slotfile.RootName {
			size = m.Root.Image
		}
		if f.Name != x.Files[i].Name || size != x.Files[i].Stored() {
			return m, fmt.Errorf("%s of %d bytes stands where the manifest has %s of %d", x.Files[i].Name, x.Files[i].Stored(), f.Name, size)
		}
	}
	return m, x.fitForms(forms)
}

// fitForms requires that a piece says what is made of it exactly if its form is a codec.
func (x *Index) fitForms(forms []Form) error {
	places, err := Cut(x.Files, len(x.Pieces))
	if err != nil {
		return err
	}
	for i, p := range places {
		f := x.Files[p.File]
		if (forms[p.File].Encode != nil) != (x.Pieces[i].Stored > 0) {
			return fmt.Errorf("piece %d of form %q says that %d bytes are made of it", i, f.Form, x.Pieces[i].Stored)
		}
		if r := f.Regions[p.Region]; forms[p.File].Raw(r) && r.Stored != r.Content {
			return fmt.Errorf("%s: %d raw bytes are stored in %d", f.Name, r.Content, r.Stored)
		}
	}
	return nil
}

// Stored returns how many bytes the regions make.
func (f File) Stored() (n int64) {
	for _, r := range f.Regions {
		n += r.Stored
	}
	return n
}
