package recipe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/media"
	"github.com/proa-os/proa/images/disk"
)

// Media is what images are made of: the outputs of other steps.
type Media struct {
	Board     boards.Board
	Loaders   string // step that unpacked the boot loaders
	Firmware  string // step that unpacked the board's own firmware; empty: none
	GRUB      string // step that made GRUB's core image; empty: none
	Kernel    string
	Initramfs string
	Root      string
}

// grubDir is where GRUB's package has its modules.
const grubDir = "usr/lib/grub/i386-pc"

// GRUBCore makes core.img, which finds the boot partition of the disk it was started from.
func (k *Kit) GRUBCore(b boards.Board, loaders string) (graph.Step, error) {
	inputs, err := k.code("disk.go", "board.go")
	inputs = append(inputs, graph.Input{Name: "layout", Value: fmt.Sprintf("%+v", b.Layout())})
	run := func(ctx context.Context, j *graph.Job) error {
		table, err := b.Layout().Fit(b.Layout().ImageSize())
		if err != nil {
			return err
		}
		args, err := disk.GRUBArgs(table)
		if err != nil {
			return err
		}
		dir := filepath.Join(j.In(loaders), grubDir)
		argv := append([]string{tools(j).Tool("grub-mkimage"), "-d", dir, "-o", j.Path("core.img")}, args...)
		if _, err := (command.Command{Argv: argv}).Run(ctx); err != nil {
			return err
		}
		return copyFile(filepath.Join(dir, "boot.img"), j.Path("boot.img"), 0o644)
	}
	return step(graph.Step{Run: run}, inputs, err)
}

// Disk writes the raw disk image.
func (k *Kit) Disk(m Media, file string, config []byte) (graph.Step, error) {
	return k.medium(m, config, func(j *graph.Job) error { return media.Disk(j.Path(file), "disk", k.parts(j, m, config)) })
}

// SD writes the compressed image of an SD card.
func (k *Kit) SD(m Media, file string, config []byte) (graph.Step, error) {
	return k.medium(m, config, func(j *graph.Job) error { return withTmp(j, file, k.parts(j, m, config), media.SD) })
}

// SlotFile writes what a running device fills its other slot with.
func (k *Kit) SlotFile(m Media, file string) (graph.Step, error) {
	return k.medium(m, nil, func(j *graph.Job) error { return media.SlotFile(j.Path(file), k.parts(j, m, nil)) })
}

// ISO writes the live image.
func (k *Kit) ISO(m Media, file string, config []byte) (graph.Step, error) {
	return k.medium(m, config, func(j *graph.Job) error { return withTmp(j, file, k.parts(j, m, config), media.ISO) })
}

func withTmp(j *graph.Job, file string, p media.Parts, write func(file, tmp string, p media.Parts) error) error {
	tmp, err := j.Tmp()
	if err != nil {
		return err
	}
	return write(j.Path(file), tmp, p)
}

// DefaultConfig is the config.yaml of a fresh image.
func (k *Kit) DefaultConfig() ([]byte, error) {
	return os.ReadFile(filepath.Join(k.Repo, "overlay/config.yaml"))
}

func (k *Kit) medium(m Media, config []byte, write func(j *graph.Job) error) (graph.Step, error) {
	inputs, err := k.code("disk.go", "board.go", "trust.go")
	if err != nil {
		return graph.Step{}, err
	}
	more, err := k.boardInputs(m.Board)
	inputs = append(append(inputs, more...), k.epoch(), slotKeys(k.Trust), graph.Input{Name: "config.yaml", Value: string(config)})
	return step(graph.Step{Run: func(_ context.Context, j *graph.Job) error { return write(j) }}, inputs, err)
}

// parts finds the outputs of the steps.
func (k *Kit) parts(j *graph.Job, m Media, config []byte) media.Parts {
	in := func(step string) string {
		if step == "" {
			return ""
		}
		return j.In(step)
	}
	return media.Parts{Board: m.Board, Loaders: in(m.Loaders), Firmware: in(m.Firmware), GRUB: in(m.GRUB), Kernel: in(m.Kernel), Initramfs: in(m.Initramfs),
		Root: in(m.Root), Version: k.Release.Version, When: k.when(), Config: config, Sign: k.Trust.Sign, Progress: j.Progress}
}
