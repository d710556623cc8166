// Package recipe knows how each kind of step is done: one file per kind. Beside apt and toolroot it is the
// only place that runs foreign programs, and it runs them from the tool root. A recipe reads only what its
// inputs name, so that a step's key says everything; it knows no order of steps: that is plan's.
package recipe

import (
	"context"
	"fmt"
	"time"

	"github.com/proa-os/proa/build/gosrc"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/toolroot"
	"github.com/proa-os/proa/images/releasefile"
)

// Kit is what every recipe works with.
type Kit struct {
	Repo    string // root of the repository
	Host    string // Debian name of the architecture tools run on
	Store   Store
	Lock    pin.Lock
	Release releasefile.Release

	Compression string // of the root image, a name of Compressions
	Trust       Trust  // the keys of slots

	// Sum is the digest of a source file; nil: files.SHA256. Tests change a file by it.
	Sum   func(file string) (string, error)
	sums  map[string]string
	mods  *gosrc.Modules
	trees map[string]*gosrc.Tree
}

// Trust are the keys of slots. The zero Trust makes images that are unsigned, and run any slot.
type Trust struct {
	Name, Release string // the public keys of slots by their ids, and those of releases by a digest
	Sign          func(manifest []byte) ([]byte, error)
	Early, Root   map[string][]byte // files of the initramfs and of the root image by path
}

// Store has the packages that steps unpack. What it gives is what the lock's digests say, however it came by it.
type Store interface {
	File(p pin.Package) string
	Fetch(ctx context.Context, arch string, list []pin.Package, progress func(done, total int64)) error
}

// when is the one time inside images.
func (k *Kit) when() time.Time { return k.Lock.Epoch() }

// tools is the tool root, the output of the step "tools".
func tools(j *graph.Job) toolroot.Root { return toolroot.Root{Dir: j.In("tools")} }

// epoch is the input of a recipe that writes timestamps.
func (k *Kit) epoch() graph.Input {
	return graph.Input{Name: "timestamps", Value: k.when().UTC().Format(time.DateOnly)}
}

// arguments is the input of what plan gives a recipe beside the steps it needs.
func arguments(v any) graph.Input {
	return graph.Input{Name: "arguments", Value: fmt.Sprintf("%+v", v)}
}

// step joins input lists and the error of making them; recipes are written in one expression by it.
func step(run graph.Step, inputs []graph.Input, err error) (graph.Step, error) {
	run.Inputs = append(run.Inputs, inputs...)
	return run, err
}
