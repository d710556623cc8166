// Package repository is a place with releases and signed metadata, as the engine sees it: it verifies the metadata
// (init/upgrade/trust), and takes of a release what is least to transfer: a patch from the running slot, or everything
// that the running slot does not have, or the slot file if this proa cannot make the files of the release by itself.
//
// It refuses metadata that is not signed, not the newest or expired, releases for another machine, and payloads that are
// not those of the metadata. What is written is compared with the slot's own signed manifest by init/slotwrite.
package repository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/peers"
	"github.com/proa-os/proa/init/upgrade/slotsource"
	"github.com/proa-os/proa/init/upgrade/transport"
	"github.com/proa-os/proa/init/upgrade/trust"
)

// Options are what is known of this machine.
type Options struct {
	Dir     string // state of the metadata, on the data partition
	Root    []byte // TUF's root of the image
	Clock   trust.Clock
	Machine upgrade.Machine
	Running *Running        // the running slot; nil: nothing is taken from it
	Mark    slotsource.Mark // how much of a slot file was written before
	Site    *peers.Site     // machines nearby that are asked for pieces; nil: none are
}

// Origin implements upgrade.Origin.
type Origin struct {
	Options
	from   transport.Source
	client *trust.Client
	view   *trust.View
	list   []trust.Release
	open   []io.Closer
}

// base is what names of files begin with as URLs, for a client that only knows URLs.
const base = "release://repository/"

// Open returns the releases of a source. Nothing is read yet.
func Open(s transport.Source, o Options) *Origin {
	r := &Origin{Options: o, from: s}
	if o.Running != nil {
		r.open = append(r.open, o.Running)
	}
	r.client = &trust.Client{Dir: o.Dir, Root: o.Root, Metadata: base + "metadata", Targets: base + "targets", Clock: o.Clock, Fetch: r.fetch}
	return r
}

// fetch implements trust.Fetch.
func (r *Origin) fetch(ctx context.Context, url string, limit int64) ([]byte, int, error) {
	b, err := transport.Get(ctx, r.from, strings.TrimPrefix(url, base), transport.Unknown, limit)
	if errors.Is(err, transport.ErrMissing) {
		return nil, statusMissing, nil
	}
	return b, statusOK, err
}

// The statuses of HTTP that a client is told.
const (
	statusOK      = 200
	statusMissing = 404
)

// String implements upgrade.Origin.
func (r *Origin) String() string { return r.from.String() }

// Close implements upgrade.Origin.
func (r *Origin) Close() (err error) {
	for _, c := range r.open {
		err = errors.Join(err, c.Close())
	}
	if c, ok := r.from.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	r.open = nil
	return err
}

// Releases implements upgrade.Origin. Of other boards it says only that they are there, of releases that this machine
// cannot take why.
func (r *Origin) Releases(ctx context.Context) (list []upgrade.Release, err error) {
	if r.view, err = r.client.Refresh(ctx); err != nil {
		return nil, err
	}
	m := r.Machine
	var refused []trust.Refused
	r.list, refused = r.view.Releases(trust.Machine{Board: m.Board, Arch: m.Arch, Layout: m.Layout})
	for _, one := range r.list {
		list = append(list, upgrade.Release{Release: one.Release, Manifest: one.Manifest.SHA256})
	}
	for _, no := range refused {
		list = append(list, upgrade.Release{Release: releasemeta.Release{Board: m.Board, Version: path.Base(path.Dir(no.Path)), Sequence: no.Sequence}, Unfit: no.Why})
	}
	for _, board := range r.view.Boards() {
		if board != m.Board {
			list = append(list, upgrade.Release{Release: releasemeta.Release{Board: board}})
		}
	}
	return list, nil
}

// Plan implements upgrade.Origin.
func (r *Origin) Plan(ctx context.Context, want upgrade.Release) (upgrade.Plan, error) {
	text, err := r.manifest(ctx, want.Version)
	if err != nil {
		return upgrade.Plan{}, err
	}
	p := planner{r, want, text}
	for _, way := range []func(context.Context) (*upgrade.Plan, error){p.patch, p.full, p.slot} {
		plan, err := way(ctx)
		if err != nil {
			return upgrade.Plan{}, err
		}
		if plan != nil {
			return *plan, nil
		}
	}
	return upgrade.Plan{}, fmt.Errorf("the server has no payload of %s that this proa can use; upload the release again, timestamp.json last", want.Version)
}

// manifest reads the manifest of a release.
func (r *Origin) manifest(ctx context.Context, version string) ([]byte, error) {
	for _, one := range r.list {
		if one.Version == version {
			return r.view.Read(ctx, one.Manifest)
		}
	}
	return nil, fmt.Errorf("%s is not in the metadata", version)
}

// target returns a file of a release; ok is false if there is none of that name.
func (r *Origin) target(version, name string) (t trust.Target, ok bool, err error) {
	p := releasemeta.Path(r.Machine.Board, version, name)
	if !r.view.Has(p) {
		return t, false, nil
	}
	t, err = r.view.Target(p)
	return t, err == nil, err
}

// openTarget opens a file of a release, until the origin is closed.
func (r *Origin) openTarget(ctx context.Context, t trust.Target) (transport.File, error) {
	f, err := r.from.Open(ctx, strings.TrimPrefix(t.URL, base), t.Length)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; upload the release again, timestamp.json last", t.Path, err)
	}
	r.open = append(r.open, f)
	return f, nil
}

// index opens a payload file and reads its index, whose length and sum the metadata has.
func (r *Origin) index(ctx context.Context, t trust.Target) (*payload.Index, *frames, releasemeta.Payload, error) {
	custom, err := releasemeta.ParsePayload(t.Custom)
	if err == nil && custom.Index == nil {
		err = errors.New("no index")
	}
	if err != nil {
		return nil, nil, custom, fmt.Errorf("%s: metadata: %w", t.Path, err)
	}
	f, err := r.openTarget(ctx, t)
	if err != nil {
		return nil, nil, custom, err
	}
	in := &frames{file: f, path: t.Path}
	f.Until(custom.Index.Length) // whoever only looks needs no more, and a server would have sent it
	text, err := in.index(ctx, *custom.Index)
	f.Until(transport.Unknown)
	if err != nil {
		return nil, nil, custom, err
	}
	x, err := payload.ParseIndex(text)
	if err != nil {
		return nil, nil, custom, fmt.Errorf("%s: %w", t.Path, err)
	}
	return x, in, custom, nil
}
