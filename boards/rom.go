package boards

import (
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tryboot"
	"github.com/proa-os/proa/images/uboot"
)

// UBoot is what the boot scripts must know of a board that U-Boot starts. The device tree is either one of the slot's,
// or the firmware's.
type UBoot struct {
	Start       string `yaml:"start" json:"start"`              // booti (arm64) or bootz (arm)
	DTB         string `yaml:"dtb" json:"dtb"`                  // of kernel.dtbs; or ${…}, a variable of U-Boot's
	FirmwareDTB string `yaml:"firmware-dtb" json:"firmwareDTB"` // variable of U-Boot's with the address of the firmware's
	Scripts     string `yaml:"scripts" json:"scripts"`          // fit: U-Boot takes scripts only as FIT images

	// Addresses in memory, multiples of 512; written 0x….
	Kernel uint64 `yaml:"kernel" json:"kernel"`
	Comp   uint64 `yaml:"comp" json:"comp"` // where booti unpacks a compressed kernel
	Initrd uint64 `yaml:"initrd" json:"initrd"`
	FDT    uint64 `yaml:"fdt" json:"fdt"`
	Script uint64 `yaml:"script" json:"script"`
	State  uint64 `yaml:"state" json:"state"`
}

// Firmware is what a board's ROM or firmware wants to find on the medium.
type Firmware struct {
	Packages []string `yaml:"packages" json:"packages"` // Debian packages with the files
	Files    []File   `yaml:"files" json:"files"`       // copied into the boot partition
	Raw      []Raw    `yaml:"raw" json:"raw"`           // copied to fixed places before the first partition
	Texts    []Text   `yaml:"texts" json:"texts"`       // written into the boot partition
	DTBs     bool     `yaml:"dtbs" json:"dtbs"`         // kernel.dtbs lie at the top of the boot partition too
}

// File is copied from a package's path.
type File struct {
	From string `yaml:"from" json:"from"`
	To   string `yaml:"to" json:"to"`
}

// Raw is copied from a package's path to an offset of the medium.
type Raw struct {
	From string `yaml:"from" json:"from"`
	At   Size   `yaml:"at" json:"at"`
}

// Text is a small file that stands in the board's YAML.
type Text struct {
	To   string `yaml:"to" json:"to"`
	Text string `yaml:"text" json:"text"`
}

// Tryboot is what config.txt says of a board whose firmware starts the kernel itself, and chooses between the slots'
// partitions.
type Tryboot struct {
	DeviceTree string    `yaml:"device-tree" json:"deviceTree"` // file name of one of kernel.dtbs; empty: by model
	Watchdog   int       `yaml:"watchdog" json:"watchdog"`      // seconds until PID 1 of a trial must feed it; 0: any
	Config     []string  `yaml:"config" json:"config"`          // more lines
	Overlays   []Overlay `yaml:"overlays" json:"overlays"`      // for chips that the firmware tells apart by itself
}

// Overlay is a file that the build makes: the difference of two of kernel.dtbs.
type Overlay struct {
	To   string `yaml:"to" json:"to"`     // file of the slot's boot partition
	From string `yaml:"from" json:"from"` // the tree that the firmware loads
	Want string `yaml:"want" json:"want"` // the tree it shall become
}

// stateSize is the size in bytes of the raw partition for the boot state; 0 where no chain of the board needs one.
func (b Board) stateSize() int64 {
	if b.SlotChains().Needs(layout.State.Of(layout.Shared)) {
		return layout.MiB
	}
	return 0
}

// stateBlock is the sector where the state's partition begins. It is the same on every disk of the board, so the boot
// script need not search for it.
func (b Board) stateBlock() uint64 {
	table, err := b.Layout().Fit(b.Layout().ImageSize())
	if err != nil {
		return 0
	}
	p, err := table.Find(layout.State, layout.Shared)
	if err != nil {
		return 0
	}
	return p.FirstLBA()
}

// Unpacks says whether what starts the kernel on this board takes a kernel that is compressed by gzip: U-Boot's booti,
// and Raspberry Pi's firmware. A kernel for bootz unpacks itself.
func (b Board) Unpacks() bool { return b.UBoot.Start == "booti" || b.SlotChains().Has(chain.Tryboot) }

// ConfigTxt is the board in the words of images/tryboot.
func (b Board) ConfigTxt() tryboot.Config {
	t := b.Tryboot
	return tryboot.Config{DeviceTree: t.DeviceTree, Watchdog: t.Watchdog, Lines: t.Config}
}

// Scripts is the board in the words of images/uboot.
func (b Board) Scripts() uboot.Board {
	u := b.UBoot
	return uboot.Board{
		Start: u.Start, DTB: u.DTB, FirmwareDTB: u.FirmwareDTB, FIT: u.Scripts == "fit", StateBlock: b.stateBlock(),
		Addresses: uboot.Addresses{
			Kernel: u.Kernel, Comp: u.Comp, Initrd: u.Initrd, FDT: u.FDT, Script: u.Script, State: u.State,
		},
	}
}
