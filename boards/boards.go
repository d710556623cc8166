// Package boards reads what kinds of machine there are: one YAML file each, pure data. A board has
// no conditions, hooks or inheritance; two boards that differ in one line are two files.
package boards

import "errors"

// Board is one board.yaml.
type Board struct {
	Name     string          `yaml:"name" json:"name"`
	Title    string          `yaml:"title" json:"title"`
	Arch     string          `yaml:"arch" json:"arch"` // GOARCH
	Images   []string        `yaml:"images" json:"images"`
	Table    string          `yaml:"table" json:"table"`
	FirstLBA int64           `yaml:"first-lba" json:"firstLBA"`
	Align    Size            `yaml:"align" json:"align"`
	Sizes    Sizes           `yaml:"sizes" json:"sizes"`
	Boot     map[string]Boot `yaml:"boot" json:"boot"` // by image kind
	EFIName  string          `yaml:"efi-name" json:"efiName"`
	Console  []string        `yaml:"console" json:"console"` // the last is /dev/console
	Kernel   Kernel          `yaml:"kernel" json:"kernel"`
}

// Sizes of partitions; bios is 0 where GRUB does not boot the board.
type Sizes struct {
	BIOS Size `yaml:"bios" json:"bios"`
	Boot Size `yaml:"boot" json:"boot"`
	Root Size `yaml:"root" json:"root"` // each slot
}

// Boot names the boot chain by firmware; empty: not booted that way.
type Boot struct {
	UEFI string `yaml:"uefi" json:"uefi"` // systemd-boot
	BIOS string `yaml:"bios" json:"bios"` // grub, isolinux
}

// Kernel is where the kernel comes from and which modules go where.
type Kernel struct {
	Package string   `yaml:"package" json:"package"` // Debian package, usually a metapackage
	Early   []string `yaml:"early" json:"early"`     // modules of the initramfs, dependencies come by themselves
	Modules []string `yaml:"modules" json:"modules"` // globs of directories of the root image
}

// Size is bytes, written "256MiB" in YAML.
type Size int64

// All returns every board, sorted by name.
func All() ([]Board, error) { return nil, errors.New("todo") }

// Get returns the board of that name; the error names the closest one.
func Get(name string) (Board, error) { return Board{}, errors.New("todo") }
