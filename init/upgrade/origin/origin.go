// Package origin finds out what a URL or path names, and opens it for the engine: a slot file, or a repository with
// signed metadata, which is a directory, a bundle, below the URLs of mirrors, or with the host that pushes it. It refuses
// what is neither.
package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/proa-os/proa/config/pushlink"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/slotsource"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// Opener opens sources.
type Opener struct {
	// Web returns the source below URLs, with the configuration's limits and certificates.
	Web func(urls ...string) (*transport.Web, error)
	// Repository reads signed metadata from a source. nil: this program has no keys.
	Repository func(ctx context.Context, s transport.Source) (upgrade.Origin, error)
	// Pipe greets the host that pushes a release; nil: nobody does.
	Pipe func(ctx context.Context) (*transport.Pipe, error)
	// Mark says how much of a slot file was written before.
	Mark slotsource.Mark
}

// slotSuffix ends the names of slot files.
const slotSuffix = ".slot"

// Open opens what one place has, or mirrors of a repository. The context is that of all that is read later.
func (o Opener) Open(ctx context.Context, places ...string) (upgrade.Origin, error) {
	if len(places) == 0 {
		return nil, errors.New("no source: name a URL or file, or set upgrade.source in the configuration")
	}
	if places[0] == pushlink.Place && len(places) == 1 && o.Pipe != nil {
		return o.openPipe(ctx)
	}
	u, err := url.Parse(places[0])
	switch {
	case err == nil && (u.Scheme == "http" || u.Scheme == "https"):
		return o.openWeb(ctx, path.Ext(u.Path), places)
	case len(places) > 1:
		return nil, errors.New("mirrors are URLs that begin with https:// or http://")
	case err == nil && u.Scheme == "file":
		return o.openPath(ctx, u.Path)
	}
	return o.openPath(ctx, places[0])
}

func (o Opener) openWeb(ctx context.Context, ext string, urls []string) (upgrade.Origin, error) {
	web, err := o.Web(urls...)
	if err != nil {
		return nil, err
	}
	switch ext {
	case slotSuffix:
		return o.slot(ctx, web.String(), web.OpenURL(ctx))
	case ".tar":
		b, err := transport.OpenBundle(ctx, web.String(), web.OpenURL(ctx))
		if err != nil {
			return nil, err
		}
		return o.repository(ctx, b)
	}
	return o.repository(ctx, web)
}

func (o Opener) openPipe(ctx context.Context) (upgrade.Origin, error) {
	p, err := o.Pipe(ctx)
	if err != nil {
		return nil, err
	}
	if p.Kind() == pushlink.Repository {
		return o.repository(ctx, p)
	}
	f, err := p.Open(ctx, pushlink.SlotName, transport.Unknown)
	if err != nil {
		return nil, err
	}
	return o.slot(ctx, p.String(), f)
}

func (o Opener) openPath(ctx context.Context, name string) (upgrade.Origin, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return o.repository(ctx, transport.Dir{Path: name})
	}
	f, err := transport.OpenPath(name)
	if err != nil {
		return nil, err
	}
	origin, err := o.openFile(ctx, name, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return origin, nil
}

// openFile looks at the first name in the file: both kinds are tars.
func (o Opener) openFile(ctx context.Context, name string, f transport.File) (upgrade.Origin, error) {
	head := make([]byte, len(slotfile.ManifestName)+1)
	if _, err := f.ReadAt(ctx, head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if strings.TrimRight(string(head), "\x00") == slotfile.ManifestName {
		return o.slot(ctx, name, f)
	}
	b, err := transport.OpenBundle(ctx, name, f)
	if err != nil {
		return nil, fmt.Errorf("neither a slot file nor a bundle: %w", err)
	}
	return o.repository(ctx, b)
}

func (o Opener) repository(ctx context.Context, s transport.Source) (upgrade.Origin, error) {
	if o.Repository == nil {
		return nil, fmt.Errorf("%s: this system has no keys to verify a repository with; name a %s file", s, slotSuffix)
	}
	return o.Repository(ctx, s)
}

// slot reads the manifest of a slot file.
func (o Opener) slot(ctx context.Context, name string, f transport.File) (upgrade.Origin, error) {
	s, err := slotsource.Open(ctx, f, o.Mark)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errors.Join(err, f.Close()))
	}
	return slot{name, f, s}, nil
}

// slot is the one release in a slot file.
type slot struct {
	name   string
	file   transport.File
	source *slotsource.Source
}

func (s slot) String() string { return s.name }

// Releases implements upgrade.Origin.
func (s slot) Releases(context.Context) ([]upgrade.Release, error) {
	m, _ := s.source.Manifest()
	return []upgrade.Release{{Release: releasemeta.Release{Board: m.Board, Layout: m.Layout, Version: m.Version}, Root: m.Root.Hash}}, nil
}

// Plan implements upgrade.Origin.
func (s slot) Plan(context.Context, upgrade.Release) (upgrade.Plan, error) {
	return upgrade.Plan{Source: s.source, Kind: "slot file", Bytes: s.file.Size()}, nil
}

// Close implements upgrade.Origin.
func (s slot) Close() error { return s.file.Close() }
