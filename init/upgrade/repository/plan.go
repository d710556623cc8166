package repository

import (
	"context"
	"errors"
	"fmt"

	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/payload/forms"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/peers"
	"github.com/proa-os/proa/init/upgrade/slotsource"
)

// planner opens one release.
type planner struct {
	*Origin
	want     upgrade.Release
	manifest []byte
}

// patch takes the patch from the running slot; nil: there is none, or no running slot to apply it to.
func (p planner) patch(ctx context.Context) (*upgrade.Plan, error) {
	if p.Running == nil {
		return nil, nil
	}
	t, ok, err := p.target(p.want.Version, payload.Patch(p.Machine.Root))
	if err != nil || !ok {
		return nil, err
	}
	x, in, custom, err := p.index(ctx, t)
	if err != nil {
		return nil, err
	}
	if custom.From == nil || custom.From.Root != p.Machine.Root {
		return nil, fmt.Errorf("%s is from another slot than the running one; make the release again", t.Path)
	}
	return p.assemble(x, in, x.Fetched(), "patch from "+custom.From.Version)
}

// full takes everything but the contents that the running slot has; nil: there is none.
func (p planner) full(ctx context.Context) (*upgrade.Plan, error) {
	x, in, err := p.everything(ctx)
	if err != nil || x == nil {
		return nil, err
	}
	kind := "full"
	if p.Running != nil {
		have, err := p.Running.contents(ctx, x)
		if err != nil {
			return nil, err
		}
		x = x.Reuse(have)
		if copies := x.Copies(); copies > 0 {
			kind = fmt.Sprintf("full, %d of %d pieces from the running slot", copies, len(x.Pieces))
		}
	}
	return p.assemble(x, in, x.Fetched(), kind)
}

// everything opens the payload that has everything.
func (p planner) everything(ctx context.Context) (*payload.Index, *frames, error) {
	t, ok, err := p.target(p.want.Version, payload.Full)
	if err != nil || !ok {
		return nil, nil, err
	}
	x, in, _, err := p.index(ctx, t)
	return x, in, err
}

// assemble returns what makes the slot's files; nil: this proa does not know a form of them.
func (p planner) assemble(x *payload.Index, in *frames, bytes int64, kind string) (*upgrade.Plan, error) {
	s := &source{in: in}
	o := payload.Options{Manifest: p.manifest, Index: x, Frames: in, Forms: forms.All(), Full: func(ctx context.Context) (*payload.Index, payload.Frames, error) {
		x, all, err := p.everything(ctx)
		if err == nil && x == nil {
			err = errors.New("the server does not have it; upload the release again")
		}
		if s.full = all; all != nil {
			all.near = s.near
		}
		return x, all, err
	}}
	if p.Running != nil {
		o.Old = p.Running
	}
	if _, err := o.Forms.Of(x.Files); err != nil {
		return nil, nil
	}
	plan := &upgrade.Plan{Source: s, Kind: kind, Bytes: bytes}
	var err error
	if p.Site != nil {
		if s.near, err = p.Site.For(p.manifest); err != nil {
			return nil, err
		}
		p.open = append(p.open, s.near)
		in.near = s.near
		o.Nearby, plan.Site = s.near, s.near
	}
	if s.Assembler, err = payload.NewAssembler(o); err != nil {
		return nil, fmt.Errorf("%s: %w", in.path, err)
	}
	p.open = append(p.open, s)
	return plan, nil
}

// slot takes the slot file.
func (p planner) slot(ctx context.Context) (*upgrade.Plan, error) {
	t, ok, err := p.target(p.want.Version, releasemeta.SlotName)
	if err != nil || !ok {
		return nil, err
	}
	f, err := p.openTarget(ctx, t)
	if err != nil {
		return nil, err
	}
	s, err := slotsource.Open(ctx, f, p.Mark)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Path, err)
	}
	if _, text := s.Manifest(); string(text) != string(p.manifest) {
		return nil, fmt.Errorf("%s has another manifest than the release; upload the release again", t.Path)
	}
	return &upgrade.Plan{Source: s, Kind: "slot file", Bytes: t.Length}, nil
}

// source is an assembler that knows how much was transferred.
type source struct {
	*payload.Assembler
	in, full *frames
	near     *peers.Client // nil: nobody nearby is asked
}

// ReadRange implements slotwrite.Source.
func (s *source) ReadRange(ctx context.Context, f slotfile.File, off int64, b []byte) error {
	if s.near != nil {
		s.near.Reading(f, s.Bytes())
	}
	err := s.Assembler.ReadRange(ctx, f, off, b)
	if errors.Is(err, payload.ErrFrame) {
		err = fmt.Errorf("%w; upload the release again, or name another source", err)
	}
	return err
}

// Bytes implements upgrade.Source.
func (s *source) Bytes() int64 {
	n := s.in.file.Received()
	if s.full != nil {
		n += s.full.file.Received()
	}
	if s.near != nil {
		given, _ := s.near.Given()
		n += given
	}
	return n
}

// Close frees the decoders.
func (s *source) Close() error {
	s.Assembler.Close()
	return nil
}
