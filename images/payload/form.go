package payload

import (
	"fmt"
	"io"
)

// Form says how the bytes of a file are made from its content. The zero Form is raw: they are the content. At most one
// of Encode and Stream is set.
type Form struct {
	// Encode appends the bytes of one cluster, Cluster bytes of content of a file in an image, fewer at its end. Cluster
	// divides MaxPiece. What belongs to no file is raw.
	Encode  func(dst, content []byte) ([]byte, error)
	Cluster int
	// Stream returns a writer of the content, which writes the bytes to out; the last ones when it is closed.
	Stream func(out io.Writer) (io.WriteCloser, error)
}

// Forms are the forms that are known, by name.
type Forms map[string]Form

// Raw is the name of the raw form.
const Raw = "raw"

// Of returns the forms of files, in their order.
func (f Forms) Of(files []File) (list []Form, err error) {
	for _, file := range files {
		form, ok := f[file.Form]
		if !ok && file.Form != Raw {
			return nil, fmt.Errorf("%s has form %q, which this proa cannot make; take the slot file instead", file.Name, file.Form)
		}
		if form.Encode != nil && (form.Cluster <= 0 || MaxPiece%form.Cluster != 0) {
			return nil, fmt.Errorf("%s has form %q with clusters of %d bytes", file.Name, file.Form, form.Cluster)
		}
		list = append(list, form)
	}
	return list, nil
}

// Raw says whether a region's bytes are its content.
func (f Form) Raw(r Region) bool { return f.Stream == nil && (f.Encode == nil || r.Path == "") }
