package recipe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/images/bootfs"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/iso"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// Media is what the two kinds of image are made of: the outputs of other steps.
type Media struct {
	Board     boards.Board
	Loaders   string // step that unpacked the boot loaders
	GRUB      string // step that made GRUB's core image; empty: none
	Kernel    string
	Initramfs string
	Root      string
}

// Paths of the boot loaders in their packages.
const (
	systemdBoot = "usr/lib/systemd/boot/efi"
	grubDir     = "usr/lib/grub/i386-pc"
	isolinuxDir = "usr/lib/ISOLINUX"
	syslinuxDir = "usr/lib/syslinux/modules/bios"
)

// diskCode is what the bytes of both kinds depend on.
var diskCode = []string{"build/recipe/disk.go", "build/recipe/slotfile.go", "build/slotimage", "images/slotfile", "images/bootfs", "images/disk", "images/fat", "images/gpt", "images/grubenv", "images/iso",
	"images/layout", "images/sdboot", "images/tree", "images/verity"}

// GRUBCore makes core.img, which finds the boot partition of the disk it was started from.
func (k *Kit) GRUBCore(b boards.Board, loaders string) (graph.Step, error) {
	inputs, err := k.code(diskCode...)
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
	return k.medium(m, config, func(j *graph.Job) error { return k.writeDisk(j, m, file, config) })
}

// ISO writes the live image.
func (k *Kit) ISO(m Media, file string, config []byte) (graph.Step, error) {
	return k.medium(m, config, func(j *graph.Job) error { return k.writeISO(j, m, file, config) })
}

// DefaultConfig is the config.yaml of a fresh image.
func (k *Kit) DefaultConfig() ([]byte, error) {
	return os.ReadFile(filepath.Join(k.Repo, "overlay/config.yaml"))
}

func (k *Kit) medium(m Media, config []byte, write func(j *graph.Job) error) (graph.Step, error) {
	inputs, err := k.code(diskCode...)
	if err != nil {
		return graph.Step{}, err
	}
	more, err := k.boardInputs(m.Board)
	inputs = append(append(inputs, more...), k.epoch(), graph.Input{Name: "config.yaml", Value: string(config)})
	return step(graph.Step{Run: func(_ context.Context, j *graph.Job) error { return write(j) }}, inputs, err)
}

func (k *Kit) writeDisk(j *graph.Job, m Media, file string, config []byte) error {
	p, err := m.parts(j, "disk")
	if err != nil {
		return err
	}
	spec := m.Board.Layout()
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		return err
	}
	contents := disk.Contents{Seed: k.seed(m.Board, "disk"), When: k.when(), Hybrid: m.Board.Table == "hybrid", Root: map[layout.Slot]tree.Content{layout.A: p.root}}
	loaders := bootfs.Loaders{EFIName: m.Board.EFIName, GRUB: m.GRUB != ""}
	if m.Board.Boot["disk"].UEFI != "" {
		if loaders.SystemdBoot, err = m.efi(j); err != nil {
			return err
		}
	}
	if m.GRUB != "" {
		if contents.GRUB, err = m.grub(j); err != nil {
			return err
		}
	}
	slot := bootfs.Slot{Slot: layout.A, Title: "proa " + k.Release.Version, Kernel: p.kernel, Initrd: p.initrd, Cmdline: p.cmdline + " proa.slot=a"}
	contents.Boot = bootfs.Files(loaders, slot, config)
	return create(j.Path(file), func(f *os.File) error {
		if err := f.Truncate(spec.ImageSize()); err != nil {
			return err
		}
		return disk.Write(f, spec.ImageSize(), table, contents, j.Progress)
	})
}

func (k *Kit) writeISO(j *graph.Job, m Media, file string, config []byte) error {
	p, err := m.parts(j, "live")
	if err != nil {
		return err
	}
	s := iso.Spec{Label: layout.ISOLabel, Title: "proa " + k.Release.Version, Seed: k.seed(m.Board, "iso"), When: k.when(),
		Cmdline: p.cmdline + " proa.medium=" + layout.ISOLabel, Kernel: p.kernel, Initrd: p.initrd, Root: p.root, Config: config}
	s.UEFI.EFIName = m.Board.EFIName
	if s.UEFI.SystemdBoot, err = m.efi(j); err != nil {
		return err
	}
	if m.Board.Boot["iso"].BIOS == "isolinux" {
		if s.BIOS, err = m.isolinux(j); err != nil {
			return err
		}
	}
	tmp, err := j.Tmp()
	if err != nil {
		return err
	}
	return create(j.Path(file), func(f *os.File) error {
		if err := f.Truncate(iso.MaxSize(s)); err != nil {
			return err
		}
		size, err := iso.Write(f, s, tmp, j.Progress)
		if err != nil {
			return err
		}
		return f.Truncate(size)
	})
}

// seed makes GUIDs differ between boards and kinds, and between releases of one.
func (k *Kit) seed(b boards.Board, kind string) string {
	return "proa " + b.Name + " " + kind + " " + k.Release.Version
}

// parts is what a boot entry names.
type parts struct {
	kernel, initrd, root tree.Content
	cmdline              string
}

func (m Media) parts(j *graph.Job, mode string) (p parts, err error) {
	var info RootInfo
	if err := readJSON(filepath.Join(j.In(m.Root), "root.json"), &info); err != nil {
		return p, err
	}
	p.cmdline = Cmdline(m.Board, mode, info)
	for file, to := range map[string]*tree.Content{
		filepath.Join(j.In(m.Kernel), "vmlinuz"): &p.kernel, filepath.Join(j.In(m.Initramfs), "initrd"): &p.initrd, filepath.Join(j.In(m.Root), "root.img"): &p.root,
	} {
		if *to, err = tree.HostFile(file); err != nil {
			return p, err
		}
	}
	return p, nil
}

// Cmdline is the kernel command line of a board without what only one kind of image needs. panic=10: a
// kernel that died must not wait for a person; loglevel=4: warnings and worse, PID 1 says the rest.
// transparent_hugepage=never: with Debian's "always", half-used huge pages and the reserve they bring took 267 of the 683 MB
// that a Ready node of 3 GiB used.
func Cmdline(b boards.Board, mode string, info RootInfo) string {
	var words []string
	for _, c := range b.Console {
		words = append(words, "console="+c)
	}
	words = append(words, "panic=10", "loglevel=4", "transparent_hugepage=never", "proa.mode="+mode, "proa.board="+b.Name,
		"proa.roothash="+info.RootHash, fmt.Sprintf("proa.rootsize=%d", info.RootSize))
	return strings.Join(words, " ")
}

// efi reads systemd-boot. Its file name differs from EFIName only in case and prefix.
func (m Media) efi(j *graph.Job) ([]byte, error) {
	suffix := strings.ToLower(strings.TrimPrefix(m.Board.EFIName, "BOOT"))
	return os.ReadFile(filepath.Join(j.In(m.Loaders), systemdBoot, "systemd-boot"+suffix))
}

func (m Media) isolinux(j *graph.Job) (b iso.BIOS, err error) {
	for path, to := range map[string]*[]byte{
		isolinuxDir + "/isolinux.bin": &b.Isolinux, isolinuxDir + "/isohdpfx.bin": &b.HybridMBR, syslinuxDir + "/ldlinux.c32": &b.Ldlinux,
	} {
		if *to, err = os.ReadFile(filepath.Join(j.In(m.Loaders), path)); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (m Media) grub(j *graph.Job) (*disk.GRUB, error) {
	boot, err := os.ReadFile(filepath.Join(j.In(m.GRUB), "boot.img"))
	if err != nil {
		return nil, err
	}
	core, err := os.ReadFile(filepath.Join(j.In(m.GRUB), "core.img"))
	return &disk.GRUB{BootImg: boot, CoreImg: core}, err
}

func create(file string, write func(f *os.File) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close() // closed again below, with its error
	if err := write(f); err != nil {
		return err
	}
	return f.Close()
}
