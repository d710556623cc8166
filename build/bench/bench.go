// Package bench measures what docs/figures.md claims: sizes, times from power-on, and memory compared with the same
// components run as separate processes in the same machine. It only prints measurements; those of a busy host are
// unreliable, so it also prints the load.
package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/recipe"
)

// Options has what the verb has prepared.
type Options struct {
	Kit   *recipe.Kit
	Board boards.Board
	// Files whose sizes are measured, in order; the one named Disk is booted.
	Files []File
	Disk  string
	// Make runs steps of a graph, and Out returns the path of an action's output.
	Make func(ctx context.Context, scope string, g *graph.Graph, targets ...*graph.Action) error
	Out  func(*graph.Action) string
	// Tools is the step that makes the tool root, as a recipe returns it.
	ToolRoot graph.Step
	QEMU     qemu.Tools
	// Inject writes config.yaml into a disk image.
	Inject  func(image string, config []byte) error
	Dir     string        // for disks, logs and the result; must exist
	Settle  time.Duration // time between Ready and the memory measurement; 0: five minutes
	Console io.Writer     // output of the machines' consoles; may be nil
	Log     func(format string, args ...any)
}

// bench is one run.
type bench struct {
	Options
	baseline string // disk with the separate programs
	result   Result
}

// Run makes all measurements and returns them; out/BOARD/bench/result.json has the same.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Settle == 0 {
		o.Settle = 5 * time.Minute
	}
	b := &bench{Options: o}
	b.result.Settle = o.Settle.String()
	for _, phase := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"host", b.host},
		{"sizes", b.sizes},
		{"baseline", b.buildBaseline},
		{"one-process", b.oneProcess},
		{"separate", b.separate},
		{"result", b.write},
	} {
		began := time.Now()
		if err := phase.run(ctx); err != nil {
			return b.result, fmt.Errorf("bench: %s: %w", phase.name, err)
		}
		o.Log("%s done after %s", phase.name, time.Since(began).Round(time.Second))
	}
	return b.result, nil
}

func (b *bench) write(context.Context) error {
	data, err := b.result.JSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.Dir, "result.json"), data, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.Dir, "table.md"), []byte(b.result.Table()), 0o644)
}
