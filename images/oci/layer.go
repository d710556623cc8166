package oci

import (
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/proa-os/proa/images/tree"
)

// layer is an uncompressed v1.Layer; go-containerregistry's own tarball layers are always compressed. The tar is
// generated anew for every reader, so that a program of 100 MB is never held in memory.
type layer struct {
	entries []tree.Entry
	when    time.Time
	hash    v1.Hash
	size    int64
}

var _ v1.Layer = (*layer)(nil)

func newLayer(entries []tree.Entry, when time.Time) (*layer, error) {
	l := &layer{entries: entries, when: when}
	r, err := l.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	l.hash, l.size, err = v1.SHA256(r)
	return l, err
}

// Uncompressed returns the tar.
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(tree.WriteTar(w, l.entries, l.when)) }()
	return r, nil
}

// Compressed, Digest, DiffID, Size and MediaType all describe the same uncompressed tar.
func (l *layer) Compressed() (io.ReadCloser, error)  { return l.Uncompressed() }
func (l *layer) Digest() (v1.Hash, error)            { return l.hash, nil }
func (l *layer) DiffID() (v1.Hash, error)            { return l.hash, nil }
func (l *layer) Size() (int64, error)                { return l.size, nil }
func (l *layer) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }
