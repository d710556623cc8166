// Package boards reads what kinds of machine there are: one YAML file each, pure data. A board selects among
// behaviours that have a name in Go, and among sets of kernel modules that have a name in modules.yaml. It has
// no conditions, hooks or inheritance: two boards that differ in one line are two files.
package boards

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/images/layout"
)

//go:embed modules.yaml */board.yaml
var files embed.FS

// Board is one board.yaml, with the modules of sets in the place of their names. The build writes it into the image as
// JSON; a device never chooses among boards.
type Board struct {
	Name     string          `yaml:"name" json:"name"`   // of its directory
	Title    string          `yaml:"title" json:"title"` // for people
	Arch     string          `yaml:"arch" json:"arch"`   // GOARCH
	Images   []string        `yaml:"images" json:"images"`
	Table    string          `yaml:"table" json:"table"`        // kind of partition table
	FirstLBA int64           `yaml:"first-lba" json:"firstLBA"` // of the first partition
	Align    Size            `yaml:"align" json:"align"`        // of partitions
	Sizes    Sizes           `yaml:"sizes" json:"sizes"`
	Boot     map[string]Boot `yaml:"boot" json:"boot"` // by image kind
	EFIName  string          `yaml:"efi-name" json:"efiName"`
	UBoot    UBoot           `yaml:"u-boot" json:"uBoot"`
	Tryboot  Tryboot         `yaml:"tryboot" json:"tryboot"`
	Firmware Firmware        `yaml:"firmware" json:"firmware"`
	WiFi     WiFi            `yaml:"wifi" json:"wifi,omitzero"`
	Console  []string        `yaml:"console" json:"console"` // the last is /dev/console
	Kernel   Kernel          `yaml:"kernel" json:"kernel"`
	QEMU     string          `yaml:"qemu" json:"-"` // machine of build/qemu that stands in for it; empty: none
}

// Sizes of partitions; bios is 0 where GRUB does not boot the board.
type Sizes struct {
	BIOS     Size `yaml:"bios" json:"bios"`
	Boot     Size `yaml:"boot" json:"boot"`
	SlotBoot Size `yaml:"slot-boot" json:"slotBoot"` // of each slot; 0 where the slots share boot
	Root     Size `yaml:"root" json:"root"`          // of each slot
}

// Boot names the boot chain by firmware; empty: not booted that way.
type Boot struct {
	UEFI string `yaml:"uefi" json:"uefi"`
	BIOS string `yaml:"bios" json:"bios"`
	ROM  string `yaml:"rom" json:"rom"` // what a board's own ROM or firmware ends in
}

// Kernel is where the kernel comes from and which modules go where.
type Kernel struct {
	Package string   `yaml:"package" json:"package"` // Debian package, usually a metapackage
	Suite   string   `yaml:"suite" json:"suite"`     // of Debian; empty: the release all other packages come from
	DTBs    []string `yaml:"dtbs" json:"dtbs"`       // device trees of that package; empty: the firmware has one
	Early   []string `yaml:"-" json:"early"`         // modules of the initramfs; dependencies come by themselves
	Modules []string `yaml:"-" json:"modules"`       // globs below kernel/ of files and directories of the root image

	Lists moduleLists `yaml:",inline" json:"-"` // what Early and Modules are resolved from; empty after that
}

// Layout is the board's choice of sizes in the words of images/layout.
func (b Board) Layout() layout.Spec {
	return layout.Spec{
		FirstLBA: b.FirstLBA, Align: int64(b.Align),
		BIOSSize: int64(b.Sizes.BIOS), BootSize: int64(b.Sizes.Boot), SlotBootSize: int64(b.Sizes.SlotBoot),
		StateSize: b.stateSize(), RootSize: int64(b.Sizes.Root),
	}
}

// All returns every board, sorted by name.
func All() ([]Board, error) { return load(files) }

// load reads the boards of a file system, in the order of their directories.
func load(fsys fs.FS) ([]Board, error) {
	sets, err := readModuleSets(fsys)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(fsys, "*/board.yaml")
	if err != nil {
		return nil, err
	}
	var all []Board
	for _, name := range names {
		b, err := read(fsys, name, sets)
		if err != nil {
			return nil, fmt.Errorf("boards/%s: %w", name, err)
		}
		all = append(all, b)
	}
	return all, nil
}

func read(fsys fs.FS, name string, sets moduleSets) (Board, error) {
	var b Board
	if err := decode(fsys, name, &b); err != nil {
		return Board{}, err
	}
	if dir := path.Dir(name); b.Name != dir {
		return Board{}, fmt.Errorf("name %q is not that of its directory", b.Name)
	}
	if err := b.Kernel.resolve(sets); err != nil {
		return Board{}, err
	}
	return b, b.Validate()
}

// decode reads a YAML file of one document, and refuses keys that v does not have.
func decode(fsys fs.FS, name string, v any) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // read side: nothing to lose
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(v); err != nil {
		return err
	}
	if err := dec.Decode(new(yaml.Node)); err != io.EOF {
		return errors.New("more than one document")
	}
	return nil
}

// Get returns the board of that name.
func Get(name string) (Board, error) {
	all, err := All()
	if err != nil {
		return Board{}, err
	}
	for _, b := range all {
		if b.Name == name {
			return b, nil
		}
	}
	return Board{}, fmt.Errorf("no board %q", name)
}
