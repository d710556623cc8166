package recipe

import (
	"context"
	"fmt"

	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/toolroot"
)

// Debs fetches the packages of a set and unpacks them.
func (k *Kit) Debs(set pin.Set) (graph.Step, error) { return k.debs(set) }

// debs is Debs as the beginning of another recipe, whose files are named.
func (k *Kit) debs(set pin.Set, code ...string) (graph.Step, error) {
	list, err := k.Lock.Set(set.ID())
	if err != nil {
		return graph.Step{}, err
	}
	inputs, err := k.code(append(code, "debs.go")...)
	run := func(ctx context.Context, j *graph.Job) error { return k.unpack(ctx, j, set.Arch, list) }
	return step(graph.Step{Run: run}, append(inputs, packageInputs(list)...), err)
}

// ownersFile says which package each unpacked file is from, for the SBOM.
const ownersFile = "owners.json"

// Packages is Debs that remembers which package each file came in.
func (k *Kit) Packages(set pin.Set) (graph.Step, error) {
	s, err := k.Debs(set)
	unpack := s.Run
	s.Run = func(ctx context.Context, j *graph.Job) error {
		if err := unpack(ctx, j); err != nil {
			return err
		}
		list, err := k.Lock.Set(set.ID())
		if err != nil {
			return err
		}
		owners := map[string]string{}
		for _, p := range list {
			files, err := toolroot.List(ctx, k.Store.File(p))
			if err != nil {
				return err
			}
			for _, f := range files {
				owners[f] = p.Name
			}
		}
		return writeJSON(j.Path(ownersFile), owners)
	}
	return s, err
}

// Tools is Debs made runnable on the host.
func (k *Kit) Tools(set pin.Set) (graph.Step, error) {
	s, err := k.Debs(set)
	unpack := s.Run
	s.Local = true
	s.Run = func(ctx context.Context, j *graph.Job) error {
		if err := unpack(ctx, j); err != nil {
			return err
		}
		return toolroot.Wrap(j.Out, j.Final)
	}
	return s, err
}

func (k *Kit) unpack(ctx context.Context, j *graph.Job, arch string, list []pin.Package) error {
	if err := k.Store.Fetch(ctx, arch, list, j.Progress); err != nil {
		return err
	}
	var debs []string
	for _, p := range list {
		debs = append(debs, k.Store.File(p))
	}
	return toolroot.Unpack(ctx, j.Out, debs, func(int64, int64) {})
}

func packageInputs(list []pin.Package) []graph.Input {
	var out []graph.Input
	for _, p := range list {
		out = append(out, graph.Input{Name: "package " + p.Name, Value: fmt.Sprintf("%s %s", p.Version, p.SHA256)})
	}
	return out
}
