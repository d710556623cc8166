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
		if chain.UEFI != "" && b.EFIName == "" {
			bad("efi-name: missing")
		}
	}
	if (b.Boot["disk"].BIOS == "grub") != (b.Sizes.BIOS > 0) {
		bad("sizes.bios: GRUB needs it, and only GRUB")
	}
	if _, err := b.Layout().Fit(b.Layout().ImageSize()); err != nil {
		bad("%w", err)
	}
	if b.Title == "" || len(b.Images) == 0 || len(b.Console) == 0 || b.Kernel.Package == "" {
		bad("title, images, console or kernel.package: missing")
	}
	for key, list := range map[string][]string{"kernel.early": b.Kernel.Early, "kernel.modules": b.Kernel.Modules} {
		if dup := duplicate(list); len(list) == 0 || dup != "" {
			bad("%s: empty, or %q twice", key, dup)
		}
	}
	return errors.Join(errs...)
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
