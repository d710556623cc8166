package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/deliver"
	"github.com/proa-os/proa/build/media"
	"github.com/proa-os/proa/build/plan"
	"github.com/proa-os/proa/build/progress"
	"github.com/proa-os/proa/images"
)

const buildHelp = `
Without KIND it makes every kind the board has. Steps whose inputs have not changed are taken from the
cache; Ctrl-C loses only the steps that are running, and downloads go on where they stopped.

  proa build pc            every image of the board pc
  proa build pc iso        out/pc/proa-pc.iso and its SBOM`

func buildVerb(ctx context.Context, c *call) error {
	began := time.Now()
	b, err := c.board()
	if err != nil {
		return err
	}
	kinds, err := c.kinds(b, true)
	if err != nil {
		return err
	}
	s, err := open(ctx, c.opts)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		file, err := s.image(ctx, b, k)
		if err != nil {
			return err
		}
		st, err := os.Stat(file)
		if err != nil {
			return err
		}
		size := progress.Bytes(st.Size())
		if raw := media.RawSize(file); raw > 0 {
			size += ", unpacked " + progress.Bytes(raw)
		}
		fmt.Fprintf(c.out, "%s  %s  (%s)\n", short(s.kit.Repo, file), size, progress.Seconds(time.Since(began)))
	}
	return nil
}

// image makes an image, copies it to out/BOARD and returns its path.
func (s *session) image(ctx context.Context, b boards.Board, k images.Kind) (string, error) {
	p, err := s.plan(b, k)
	if err != nil {
		return "", err
	}
	if err := s.make(ctx, p.Scope(), p.Graph, p.Image, p.SBOM); err != nil {
		return "", err
	}
	return s.deliver(p)
}

// deliver copies image and SBOM to out/BOARD, unless they are there already. It copies and does not link, so that
// changes of a file in out/ cannot reach the cache.
func (s *session) deliver(p *plan.Plan) (string, error) {
	dir := filepath.Join(s.kit.Repo, "out", p.Board.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	sbom := p.File() + ".spdx.json"
	for file, from := range map[string]string{p.File(): s.cache.Out(p.Image), sbom: s.cache.Out(p.SBOM)} {
		if err := deliver.File(filepath.Join(from, file), filepath.Join(dir, file)); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, p.File()), nil
}

// short returns a path relative to the repository, as a user would type it.
func short(repo, file string) string {
	if rel, err := filepath.Rel(repo, file); err == nil {
		return rel
	}
	return file
}
