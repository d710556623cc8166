// Package recipe knows how each kind of step is done: one file per kind. Beside apt and toolroot it is the
// only place that runs foreign programs, and it runs them from the tool root. A recipe reads only what its
// inputs name, so that a step's key says everything; it knows no order of steps: that is plan's.
package recipe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/build/apt"
	"github.com/proa-os/proa/build/files"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/release"
	"github.com/proa-os/proa/build/toolroot"
)

// Kit is what every recipe works with.
type Kit struct {
	Repo    string // root of the repository
	Host    string // Debian name of the architecture tools run on
	Store   *apt.Store
	Lock    pin.Lock
	Release release.Release

	Compression string // of the root image, a name of Compressions
}

// when is the one time inside images.
func (k *Kit) when() time.Time { return k.Lock.Epoch() }

// tools is the tool root, the output of the step "tools".
func tools(j *graph.Job) toolroot.Root { return toolroot.Root{Dir: j.In("tools")} }

// code makes inputs of the files a recipe consists of: a changed recipe is a changed step. Directories
// count with their Go files, without tests.
func (k *Kit) code(paths ...string) ([]graph.Input, error) {
	var out []graph.Input
	for _, p := range paths {
		h := sha256.New()
		err := filepath.WalkDir(filepath.Join(k.Repo, p), func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			sum, err := files.SHA256(file)
			fmt.Fprintf(h, "%s %s\n", filepath.Base(file), sum)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, graph.Input{Name: "code " + p, Value: hex.EncodeToString(h.Sum(nil))})
	}
	return out, nil
}

// epoch is the input of a recipe that writes timestamps.
func (k *Kit) epoch() graph.Input {
	return graph.Input{Name: "timestamps", Value: k.when().UTC().Format(time.DateOnly)}
}

// steps joins input lists and the error of making them; recipes are written in one expression by it.
func step(run graph.Step, inputs []graph.Input, err error) (graph.Step, error) {
	run.Inputs = append(run.Inputs, inputs...)
	return run, err
}

// DebianArch is Debian's name of a GOARCH.
func DebianArch(goarch string) string {
	if goarch == "arm" {
		return "armhf"
	}
	return goarch
}
