package releasing

import (
	"context"
	"fmt"
	"io"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/payload/oldstream"
)

// oldSlot reads contents of an older slot in about the order in which a device does: a stream once, from its beginning to
// its end, keeping a window.
type oldSlot struct {
	contents
	streams map[string]*oldstream.Stream
}

// ReadContent implements payload.Old.
func (o *oldSlot) ReadContent(ctx context.Context, from payload.Ref, b []byte) error {
	for _, f := range o.Files {
		if f.Name != from.File || f.Form == payload.Raw || len(f.Regions) != 1 || f.Regions[0].Path != "" || from.Path != "" {
			continue
		}
		if o.streams == nil {
			o.streams = map[string]*oldstream.Stream{}
		}
		if o.streams[f.Name] == nil {
			o.streams[f.Name] = oldstream.New(func() (io.ReadCloser, error) { return f.Regions[0].Content.Open() })
		}
		if err := o.streams[f.Name].ReadContent(ctx, from.Offset, b); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		return nil
	}
	return o.contents.ReadContent(ctx, from, b)
}
