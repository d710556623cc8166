package pin

import (
	"fmt"
	"path"
	"strings"
)

// Set is a group of packages that one step unpacks together.
type Set struct {
	Name     string
	Arch     string // Debian's name of the architecture
	Packages []string
	// Only keeps packages that match one of these globs and drops the rest of the closure: a kernel image
	// depends on initramfs-tools, a boot loader on its installer, and a build wants neither.
	Only []string
	// Suite is Debian's suite the packages themselves come from; empty: the release and its updates.
	Suite string
	// Follows is the ID of the kernel's set that says which packages these are: RELEASE and VERSION in their names
	// are known once that one is resolved.
	Follows string
}

// ID is the key in Lock.Sets.
func (s Set) ID() string { return s.Name + "/" + s.Arch }

// Keeps says whether a package of the closure belongs to the set.
func (s Set) Keeps(name string) bool {
	if s.Only == nil {
		return true
	}
	for _, glob := range s.Only {
		if ok, _ := path.Match(glob, name); ok {
			return true
		}
	}
	return false
}

// Of is the set with the packages for the kernel that its leader was resolved to.
func (s Set) Of(kernel []Package) (Set, error) {
	if s.Follows == "" {
		return s, nil
	}
	for _, p := range kernel {
		release, ok := strings.CutPrefix(p.Name, "linux-image-")
		dash := strings.LastIndex(release, "-")
		if !ok || dash < 0 { // the metapackage, or none of a kernel
			continue
		}
		names := strings.NewReplacer("RELEASE", release, "VERSION", release[:dash])
		out := s
		out.Packages = nil
		for _, name := range s.Packages {
			out.Packages = append(out.Packages, names.Replace(name))
		}
		return out, nil
	}
	return Set{}, fmt.Errorf("set %s: no kernel in set %s", s.ID(), s.Follows)
}

// Leader is the ID of the set that this one is resolved together with.
func (s Set) Leader() string {
	if s.Follows != "" {
		return s.Follows
	}
	return s.ID()
}

// Tools is what a build runs on the host: the C compiler that links k3s, and the writers of formats that
// no Go library writes well enough.
func Tools(arch string) Set {
	return Set{Name: "tools", Arch: arch, Packages: []string{
		"binutils", "gcc-14", "libc6-dev", // cgo of k3s, and pause
		"erofs-utils", // mkfs.erofs with compression; fsck.erofs judges it
		"kmod",        // depmod
		"grub-common", // grub-mkimage
		"xz-utils",
	}}
}

// Compiler is the C compiler for another architecture than the host's, with that architecture's libc.
func Compiler(host, arch string) Set {
	if arch == host {
		return Tools(host)
	}
	gnu := strings.ReplaceAll(Triplet(arch), "_", "-")
	return Set{Name: "compiler-" + arch, Arch: host, Packages: []string{"binutils-" + gnu, "gcc-14-" + gnu, "libc6-dev-" + arch + "-cross"}}
}

// Triplet is the GNU name of a Debian architecture: programs and directories of a compiler carry it.
func Triplet(arch string) string {
	return map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}[arch]
}

// Oracles are the programs that judge what we wrote, in tests.
func Oracles(arch string) Set {
	return Set{Name: "oracles", Arch: arch, Packages: []string{
		"dosfstools", "mtools", "gdisk", "cryptsetup-bin", "e2fsprogs", "xorriso", "cpio", "erofs-utils",
		"u-boot-qemu", "u-boot-tools", // U-Boot for QEMU's boards, and mkimage
		"openssh-client", "dropbear-bin",
		"nftables", // the kernel judges the filter that it loads
	}}
}

// Emulator is QEMU with its firmware, for `proa run` and the end-to-end tests.
func Emulator(arch string) Set {
	return Set{Name: "emulator", Arch: arch, Packages: []string{
		"qemu-system-x86", "qemu-system-arm", "qemu-utils", "ovmf", "seabios", "qemu-efi-aarch64",
		"u-boot-qemu", "device-tree-compiler", // U-Boot for QEMU's boards; fdtput changes a device tree for them
	}}
}

// Boot is the boot loaders of an architecture: data to us, whatever host builds.
func Boot(arch string) Set {
	list := []string{"systemd-boot-efi"}
	if arch == "amd64" {
		list = append(list, "grub-pc-bin", "isolinux", "syslinux-common")
	}
	return Set{Name: "boot", Arch: arch, Packages: list, Only: list}
}

// Root is the packages whose files the root image takes; build/rootfiles says which files.
func Root(arch string) Set {
	return Set{Name: "root", Arch: arch, Packages: []string{
		"busybox-static", "ca-certificates", "crun", "dropbear-bin", "e2fsprogs", "mount", "nftables",
		"openssh-client", "openssh-sftp-server", // the device's ends of scp and sftp
	}}
}

// IsRoot says whether root images are made of a set.
func (s Set) IsRoot() bool { return s.Name == "root" || strings.HasPrefix(s.Name, "root-") }

// RootWithRadio is Root and what Wi-Fi wants: the radio's firmware, the channels that each country permits, and who speaks WPA.
func RootWithRadio(arch string, firmware []string) Set {
	s := Root(arch)
	s.Name += "-" + strings.Join(firmware, "+")
	s.Packages = append(append(s.Packages, firmware...), "wireless-regdb", "wpasupplicant")
	return s
}

// Kernel is a kernel metapackage and the image it stands for. Kernels of Debian's after 6.12 are several packages, of which
// linux-image-* names the others.
func Kernel(arch, metapackage, suite string) Set {
	name := metapackage
	if suite != "" {
		name += "-" + suite
	}
	return Set{Name: name, Arch: arch, Packages: []string{metapackage}, Suite: suite,
		Only: []string{"linux-image-*", "linux-binary-*", "linux-modules-*", "linux-base-*-" + arch}}
}

// Headers is what modules of our own are compiled against: of exactly the kernel's release, and nothing that would run.
func Headers(kernel Set) Set {
	return Set{Name: "headers-of-" + kernel.Name, Arch: kernel.Arch, Follows: kernel.ID(),
		Packages: []string{"linux-headers-RELEASE"}, Only: []string{"linux-headers-*"}}
}

// Kbuild is the programs of the kernel's build, which run on the host whatever the kernel is for.
func Kbuild(host string, kernel Set) Set {
	return Set{Name: "kbuild-of-" + kernel.Name, Arch: host, Follows: kernel.ID(), Packages: []string{"linux-kbuild-VERSION"}}
}

// Firmware is packages with what a board's ROM or firmware reads: data to us. Boards with the same packages share them.
func Firmware(arch string, packages []string) Set {
	return Set{Name: "firmware-" + strings.Join(packages, "+"), Arch: arch, Packages: packages, Only: packages}
}

// DebianArch is Debian's name of a GOARCH.
func DebianArch(goarch string) string {
	if goarch == "arm" {
		return "armhf"
	}
	return goarch
}
