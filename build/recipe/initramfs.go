package recipe

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/kmod"
	"github.com/proa-os/proa/images/cpio"
	"github.com/proa-os/proa/images/tree"
	"github.com/proa-os/proa/images/zstream"
)

// Initramfs writes initrd: PID 1 and the modules that reach the root, compressed.
func (k *Kit) Initramfs(b boards.Board, program Install, kernel string) (graph.Step, error) {
	inputs, err := k.code("initramfs.go", "entries.go", "trust.go")
	inputs = append(inputs, k.epoch(), slotKeys(k.Trust), arguments(program), graph.Input{Name: "early modules", Value: fmt.Sprint(early(b))})
	run := func(_ context.Context, j *graph.Job) error {
		entries, err := initramfsEntries(j, b, program, kernel)
		if err != nil {
			return err
		}
		return k.writeInitramfs(j, append(entries, trusted(k.Trust.Early)...))
	}
	return step(graph.Step{Run: run}, inputs, err)
}

// early adds our modules to those of the initramfs.
func early(b boards.Board) []string { return slices.Concat(b.Kernel.Early, b.SlotChains().Modules()) }

func initramfsEntries(j *graph.Job, b boards.Board, program Install, kernel string) ([]tree.Entry, error) {
	m, err := kmod.Load(j.In(kernel))
	if err != nil {
		return nil, err
	}
	files, err := m.Named(early(b))
	if err != nil {
		return nil, fmt.Errorf("board %s: early modules: %w", b.Name, err)
	}
	modules, err := m.Entries("lib/modules", files)
	if err != nil {
		return nil, err
	}
	program.Path, program.Links = "init", nil
	list, err := programs(j, []Install{program})
	// The kernel opens /dev/console for PID 1 before anybody can mount a devtmpfs.
	list = append(list, tree.Dir("dev", 0o755), tree.CharDev("dev/console", 0o600, 5, 1), tree.CharDev("dev/null", 0o666, 1, 3),
		tree.Dir("proc", 0o555), tree.Dir("sys", 0o555), tree.Dir("run", 0o755))
	return append(list, modules...), err
}

func (k *Kit) writeInitramfs(j *graph.Job, entries []tree.Entry) error {
	f, err := os.Create(j.Path("initrd"))
	if err != nil {
		return err
	}
	defer f.Close() // closed again below, with its error
	z, err := zstream.NewWriter(f)
	if err != nil {
		return err
	}
	if err := cpio.Write(&meter{w: z, total: contentSize(entries), report: j.Progress}, entries, k.when()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}
