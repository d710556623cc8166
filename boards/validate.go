package boards

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/layout"
)

// The behaviours a board may select. Each has code of that name somewhere; new ones are added with it.
var (
	arches   = []string{"amd64", "arm64", "arm"}
	tables   = []string{"gpt", "hybrid"}
	commands = []string{"booti", "bootz"} // of U-Boot
)

// Validate checks what the YAML reader cannot: every value is one that Go knows, they fit together, and none is for
// a boot chain that the board does not have.
func (b Board) Validate() error {
	_, fit := b.Layout().Fit(b.Layout().ImageSize())
	return errors.Join(b.validateMissing(), oneOf("arch", b.Arch, arches), oneOf("table", b.Table, tables), fit,
		b.validateImages(), b.validateBoot(), b.validateGRUB(), b.validateUBoot(), b.validateTryboot(),
		b.Firmware.validate(), b.validateWiFi())
}

func oneOf(key, value string, known []string) error {
	if !slices.Contains(known, value) {
		return fmt.Errorf("%s: %q is none of %q", key, value, known)
	}
	return nil
}

func (b Board) validateMissing() error {
	if b.Title == "" || len(b.Images) == 0 || len(b.Console) == 0 || b.Kernel.Package == "" {
		return errors.New("title, images, console or kernel.package: missing")
	}
	if len(b.Kernel.Early) == 0 || len(b.Kernel.Modules) == 0 {
		return errors.New("kernel.early or kernel.modules: missing")
	}
	return nil
}

// validateImages: every image has a chain in boot, but for the slot, which nothing boots by itself.
func (b Board) validateImages() error {
	var kinds []string
	for _, k := range images.Kinds() {
		kinds = append(kinds, k.Name)
	}
	var errs []error
	for _, kind := range b.Images {
		errs = append(errs, oneOf("images", kind, kinds))
		if _, ok := b.Boot[kind]; !ok && kind != images.Slot {
			errs = append(errs, fmt.Errorf("boot: nothing for %s", kind))
		}
	}
	return errors.Join(errs...)
}

func (b Board) validateBoot() error {
	var errs []error
	uefi := false
	for kind, boot := range b.Boot {
		errs = append(errs, oneOf("boot", kind, b.Images), boot.validate(kind))
		uefi = uefi || boot.UEFI != ""
	}
	if uefi != (b.EFIName != "") {
		errs = append(errs, errors.New("efi-name: UEFI firmware needs it, and nothing else does"))
	}
	return errors.Join(errs...)
}

func (b Board) validateGRUB() error {
	if b.SlotChains().Needs(layout.BIOS.Of(layout.Shared)) != (b.Sizes.BIOS > 0) {
		return errors.New("sizes.bios: GRUB needs it, and only GRUB")
	}
	return nil
}

func (b Board) validateUBoot() error {
	if !b.SlotChains().Has(chain.UBoot) {
		if b.UBoot != (UBoot{}) {
			return errors.New("u-boot: no image of the board is started by it")
		}
		return nil
	}
	if dtb := b.UBoot.DTB; dtb != "" && !strings.Contains(dtb, "${") && !slices.Contains(b.Kernel.DTBs, dtb) {
		return fmt.Errorf("u-boot.dtb: %q is none of kernel.dtbs", dtb)
	}
	return b.UBoot.validate()
}

// validateTryboot also wants a GPT: an MBR does not name the slots' boot partitions, and firmware that reads it would
// not find them.
func (b Board) validateTryboot() error {
	uses := b.SlotChains().Has(chain.Tryboot)
	named := func(dtb string) bool { return path.Base(dtb) == b.Tryboot.DeviceTree }
	switch t := b.Tryboot; {
	case b.SlotChains().OwnBoot() != (b.Sizes.SlotBoot > 0):
		return errors.New("sizes.slot-boot: tryboot needs it, and only tryboot")
	case !uses && !reflect.ValueOf(t).IsZero():
		return errors.New("tryboot: no image of the board is started by it")
	case !uses:
		return nil
	case b.Table != "gpt":
		return fmt.Errorf("table: tryboot needs gpt, not %s", b.Table)
	case len(b.Kernel.DTBs) == 0:
		return errors.New("kernel.dtbs: tryboot needs them, the firmware has none")
	case t.DeviceTree != "" && !slices.ContainsFunc(b.Kernel.DTBs, named):
		return fmt.Errorf("tryboot.device-tree: %q is none of kernel.dtbs", t.DeviceTree)
	}
	for _, o := range b.Tryboot.Overlays {
		if o.To == "" || !slices.Contains(b.Kernel.DTBs, o.From) || !slices.Contains(b.Kernel.DTBs, o.Want) {
			return fmt.Errorf("tryboot.overlays: %q: from and want are of kernel.dtbs", o.To)
		}
	}
	_, err := b.ConfigTxt().Text()
	return err
}

func (u UBoot) validate() error {
	errs := []error{oneOf("u-boot.start", u.Start, commands), oneOf("u-boot.scripts", u.Scripts, []string{"", "fit"})}
	if (u.DTB == "") == (u.FirmwareDTB == "") {
		errs = append(errs, errors.New("u-boot: exactly one of dtb and firmware-dtb"))
	}
	areas := u.areas()
	for i, a := range areas {
		if a.at == 0 || a.at%512 != 0 {
			errs = append(errs, fmt.Errorf("u-boot.%s: address %#x: missing, or no multiple of 512", a.key, a.at))
		}
		for _, other := range areas[:i] {
			if a.at < other.at+other.size && other.at < a.at+a.size {
				errs = append(errs, fmt.Errorf("u-boot: %s at %#x and %s at %#x overlap",
					a.key, a.at, other.key, other.at))
			}
		}
	}
	return errors.Join(errs...)
}

// area is a stretch of memory that the boot scripts load something into.
type area struct {
	key      string
	at, size uint64
}

// areas have room for more than any kernel, initramfs and device tree of Debian's is large. A kernel for bootz is
// compressed, and unpacks itself; one for booti may be either.
func (u UBoot) areas() []area {
	list := []area{
		{"initrd", u.Initrd, 32 * layout.MiB}, {"fdt", u.FDT, layout.MiB}, {"script", u.Script, layout.MiB},
		{"state", u.State, 4 * layout.Sector}, {"kernel", u.Kernel, 16 * layout.MiB},
	}
	if u.Start == "booti" {
		list[len(list)-1].size = 64 * layout.MiB
		list = append(list, area{"comp", u.Comp, 64 * layout.MiB})
	}
	return list
}

// validate takes names in the boot partition for the same if only capitals differ: FAT does.
func (f Firmware) validate() error {
	var names []string
	for _, x := range f.Files {
		names = append(names, strings.ToLower(x.To))
	}
	for _, x := range f.Texts {
		names = append(names, strings.ToLower(x.To))
	}
	if dup := duplicate(names); dup != "" || slices.Contains(names, "") {
		return fmt.Errorf("firmware: %q is written twice, or has no name", dup)
	}
	if len(f.Packages) == 0 && len(f.Files)+len(f.Raw) > 0 {
		return errors.New("firmware.packages: missing")
	}
	return nil
}

// duplicate returns the first that is there before, or "".
func duplicate(list []string) string {
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			return s
		}
	}
	return ""
}
