// Package forms has every form that files of a slot may have (docs/release.md): their names, and the code that makes the
// bytes. Build and device have the same ones. It adds nothing to images/erofs and images/zstream.
package forms

import (
	"github.com/proa-os/proa/images/erofs"
	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/zstream"
)

// All returns the forms besides raw.
func All() payload.Forms {
	f := payload.Forms{zstream.Form: {Stream: zstream.NewWriter}}
	for _, c := range []erofs.Codec{erofs.None, erofs.LZ4, erofs.Zstd} {
		f[c.Form()] = payload.Form{Encode: c.Encode, Cluster: erofs.Cluster}
	}
	return f
}
