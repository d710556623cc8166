package boards

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/images"
)

// The behaviours a board may select. Each has code of that name somewhere; new ones are added with it.
var (
	arches = []string{"amd64", "arm64", "arm"}
	tables = []string{"gpt", "hybrid"}
	chains = []string{"", "systemd-boot", "grub", "isolinux"}
	roms   = []string{"", "u-boot", "tryboot"}
	starts = []string{"booti", "bootz"}
)

// Validate checks what the YAML reader cannot: every value is one that Go knows, and they fit together.
func (b Board) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	oneOf := func(key, value string, known []string) {
		if !slices.Contains(known, value) {
			bad("%s: %q is none of %q", key, value, known)
		}
	}
	oneOf("arch", b.Arch, arches)
	oneOf("table", b.Table, tables)
	var kinds []string
	for _, k := range images.Kinds() {
		kinds = append(kinds, k.Name)
	}
	for _, kind := range b.Images {
		oneOf("images", kind, kinds)
		if _, ok := b.Boot[kind]; !ok && kind != images.Slot {
			bad("boot: nothing for %s", kind)
		}
	}
	for kind, chain := range b.Boot {
		oneOf("boot", kind, b.Images)
		oneOf("boot."+kind+".uefi", chain.UEFI, chains)
		oneOf("boot."+kind+".bios", chain.BIOS, chains)
		oneOf("boot."+kind+".rom", chain.ROM, roms)
		if chain.UEFI != "" && b.EFIName == "" {
			bad("efi-name: missing")
		}
		if chain.UEFI != "" && chain.ROM != "" {
			bad("boot.%s: U-Boot would start the UEFI loader before any script", kind)
		}
	}
	if b.ends("u-boot") {
		errs = append(errs, b.UBoot.validate())
	}
	errs = append(errs, b.Firmware.validate())
	if (b.Boot["disk"].BIOS == "grub") != (b.Sizes.BIOS > 0) {
		bad("sizes.bios: GRUB needs it, and only GRUB")
	}
	errs = append(errs, b.validateTryboot(), b.validateWiFi())
	if _, err := b.Layout().Fit(b.Layout().ImageSize()); err != nil {
		bad("%w", err)
	}
	if b.Title == "" || len(b.Images) == 0 || len(b.Console) == 0 || b.Kernel.Package == "" {
		bad("title, images, console or kernel.package: missing")
	}
	if len(b.Kernel.Early) == 0 || len(b.Kernel.Modules) == 0 {
		bad("kernel.early or kernel.modules: missing")
	}
	return errors.Join(errs...)
}

// validateTryboot: an MBR does not name the slots' boot partitions, and firmware that reads it would not find them.
func (b Board) validateTryboot() error {
	_, err := b.ConfigTxt().Text()
	for _, o := range b.Tryboot.Overlays {
		if o.To == "" || !slices.Contains(b.Kernel.DTBs, o.From) || !slices.Contains(b.Kernel.DTBs, o.Want) {
			return fmt.Errorf("tryboot.overlays: %q: from and want are of kernel.dtbs", o.To)
		}
	}
	switch uses := b.ends("tryboot"); {
	case uses != (b.Sizes.SlotBoot > 0):
		return errors.New("sizes.slot-boot: tryboot needs it, and only tryboot")
	case uses && b.Table != "gpt":
		return fmt.Errorf("table: tryboot needs gpt, not %s", b.Table)
	case uses && len(b.Kernel.DTBs) == 0:
		return errors.New("kernel.dtbs: tryboot needs them, the firmware has none")
	}
	return err
}

func duplicate(list []string) string {
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s] {
			return s
		}
		seen[s] = true
	}
	return ""
}

// Size is bytes; YAML says it with a unit: 288MiB.
type Size int64

// UnmarshalYAML reads a whole number of KiB, MiB or GiB. Bare numbers are refused: nobody knows their unit.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	for unit, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if digits, ok := strings.CutSuffix(n.Value, unit); ok {
			v, err := strconv.ParseInt(digits, 10, 32)
			if err != nil || v < 0 {
				break
			}
			*s = Size(v * factor)
			return nil
		}
	}
	return fmt.Errorf("line %d: %q is no size such as 288MiB", n.Line, n.Value)
}

// sectorsOfState is how many bytes the scripts use at UBoot.State.
const sectorsOfState = 4 * 512

func (u UBoot) validate() error {
	var errs []error
	if !slices.Contains(starts, u.Start) {
		errs = append(errs, fmt.Errorf("u-boot.start: %q is none of %q", u.Start, starts))
	}
	if u.Scripts != "" && u.Scripts != "fit" {
		errs = append(errs, fmt.Errorf("u-boot.scripts: %q is not fit", u.Scripts))
	}
	if (u.DTB == "") == (u.FirmwareDTB == "") {
		errs = append(errs, errors.New("u-boot: exactly one of dtb and firmware-dtb"))
	}
	seen := map[uint64]string{u.State + sectorsOfState/2: "the middle of state"}
	for name, at := range map[string]uint64{"kernel": u.Kernel, "comp": u.Comp, "initrd": u.Initrd, "fdt": u.FDT, "script": u.Script, "state": u.State} {
		if at == 0 && name != "comp" || at%512 != 0 {
			errs = append(errs, fmt.Errorf("u-boot.%s: address %#x", name, at))
		}
		if other := seen[at]; other != "" {
			errs = append(errs, fmt.Errorf("u-boot: %s and %s at %#x", name, other, at))
		}
		seen[at] = name
	}
	return errors.Join(errs...)
}

func (f Firmware) validate() error {
	var names, errs = map[string]bool{}, []error(nil)
	to := func(name string) {
		if name == "" || names[strings.ToLower(name)] {
			errs = append(errs, fmt.Errorf("firmware: %q is written twice, or has no name", name))
		}
		names[strings.ToLower(name)] = true
	}
	for _, x := range f.Files {
		to(x.To)
	}
	for _, x := range f.Texts {
		to(x.To)
	}
	if len(f.Packages) == 0 && len(f.Files)+len(f.Raw) > 0 {
		errs = append(errs, errors.New("firmware.packages: missing"))
	}
	return errors.Join(errs...)
}
