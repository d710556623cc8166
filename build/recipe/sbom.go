package recipe

import (
	"context"
	"debug/buildinfo"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/sbom"
)

// Parts is what an SBOM describes.
type Parts struct {
	Image    string // step that wrote the image
	File     string
	Packages string // step that unpacked the Debian packages
	Root     string // step that wrote the root image
	Sets     []pin.Set
}

// SBOM lists every Debian package and every Go module of an image in SPDX 2.3.
func (k *Kit) SBOM(p Parts) (graph.Step, error) {
	var ids []string
	for _, s := range p.Sets {
		ids = append(ids, s.ID())
	}
	inputs, err := k.code("sbom.go", "board.go", "root.go", "entries.go", "debs.go")
	run := func(_ context.Context, j *graph.Job) error {
		sum, err := files.SHA256(filepath.Join(j.In(p.Image), p.File))
		if err != nil {
			return err
		}
		doc := sbom.New(p.File, k.Release.Version, sum, k.when())
		for _, s := range p.Sets {
			list, err := k.contained(j, s, p)
			if err != nil {
				return err
			}
			doc.Debian(list, filepath.Join(j.In(p.Packages), "usr/share/doc"))
		}
		if err := addPrograms(doc, j); err != nil {
			return err
		}
		doc.Finish()
		return writeJSON(j.Path(p.File+".spdx.json"), doc)
	}
	return step(graph.Step{Run: run}, append(inputs, k.epoch(), arguments(ids)), err)
}

// contained is the packages of a set that are in the image: of the root's, those it took files from.
func (k *Kit) contained(j *graph.Job, s pin.Set, p Parts) ([]pin.Package, error) {
	list, err := k.Lock.Set(s.ID())
	if err != nil || !s.IsRoot() {
		return list, err
	}
	var used []string
	if err := readJSON(filepath.Join(j.In(p.Root), usedFile), &used); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(list), func(p pin.Package) bool { return !slices.Contains(used, p.Name) }), nil
}

// addPrograms adds the modules of every compiled program.
func addPrograms(doc *sbom.Document, j *graph.Job) error {
	var files []string
	for _, s := range j.Inputs() {
		if strings.HasPrefix(s, "go-") {
			found, err := filepath.Glob(filepath.Join(j.In(s), "*"))
			if err != nil {
				return err
			}
			files = append(files, found...)
		}
	}
	for _, f := range files {
		info, err := buildinfo.ReadFile(f)
		if err != nil {
			return err
		}
		doc.Modules(filepath.Base(f), info)
	}
	return nil
}
