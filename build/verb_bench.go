package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/build/bench"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin/debian"
	"github.com/proa-os/proa/build/qemu"
)

func benchVerb(ctx context.Context, c *call) error {
	b, err := c.board()
	if err != nil {
		return err
	}
	s, err := open(ctx, c.opts)
	if err != nil {
		return err
	}
	var files []bench.File
	for _, name := range b.Images {
		file, err := s.image(ctx, b, mustKind(name))
		if err != nil {
			return err
		}
		files = append(files, bench.File{Name: filepath.Base(file), Path: file, Zstd: name == "disk"})
	}
	p, err := s.plan(b, mustKind("disk"))
	if err != nil {
		return err
	}
	files = append(files,
		bench.File{Name: "root image", Path: filepath.Join(s.cache.Out(p.Graph.Find("root")), "root.img")},
		bench.File{Name: "k3s", Path: filepath.Join(s.cache.Out(p.Graph.Find("go-k3s")), "k3s")})
	root, err := s.toolRoot(ctx, debian.Emulator(s.kit.Host))
	if err != nil {
		return err
	}
	tools, err := s.kit.Tools(debian.Tools(s.kit.Host))
	if err != nil {
		return err
	}
	dir := filepath.Join(s.kit.Repo, "out", b.Name, "bench")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "console.log"))
	if err != nil {
		return err
	}
	result, err := bench.Run(ctx, bench.Options{
		Kit: s.kit, Board: b, Files: files, Disk: filepath.Join(s.kit.Repo, "out", b.Name, p.File()),
		Make: func(ctx context.Context, scope string, g *graph.Graph, targets ...*graph.Action) error {
			return s.make(ctx, scope, g, targets...)
		},
		Out:      s.cache.Out,
		ToolRoot: tools, QEMU: qemu.ToolsIn(root.Dir, b.QEMU),
		Inject: func(image string, config []byte) error { return injectConfig(image, b, config) },
		Dir:    dir, Console: log,
		Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) },
	})
	if err := errors.Join(err, log.Close()); err != nil {
		return err
	}
	fmt.Fprint(c.out, result.Table())
	return nil
}
