// Package debian lists the Debian packages that a build uses: one function per set. build/sets decides which sets a
// board needs, and the lock which versions. It is separate from pin because pin's code is an input of steps, and a new
// package in one set should not run other steps again.
package debian

import (
	"strings"

	"github.com/proa-os/proa/build/pin"
)

// Tools are programs that a build runs on the host: the C compiler that links k3s, and writers of formats for which no
// Go library is good enough.
func Tools(arch string) pin.Set {
	return pin.Set{Name: "tools", Arch: arch, Packages: []string{
		"binutils", "gcc-14", "libc6-dev", // for cgo of k3s, and for pause
		"erofs-utils", // fsck.erofs verifies the root image in tests
		"kmod",        // depmod
		"grub-common", // grub-mkimage
		"xz-utils",
	}}
}

// Compiler is the C compiler for another architecture than the host's, with that architecture's libc.
func Compiler(host, arch string) pin.Set {
	if arch == host {
		return Tools(host)
	}
	gnu := strings.ReplaceAll(pin.Triplet(arch), "_", "-")
	return pin.Set{Name: "compiler-" + arch, Arch: host, Packages: []string{"binutils-" + gnu, "gcc-14-" + gnu, "libc6-dev-" + arch + "-cross"}}
}

// Oracles are the programs that verify our output in tests.
func Oracles(arch string) pin.Set {
	return pin.Set{Name: "oracles", Arch: arch, Packages: []string{
		"dosfstools", "mtools", "gdisk", "cryptsetup-bin", "e2fsprogs", "xorriso", "cpio", "erofs-utils",
		"u-boot-qemu", "u-boot-tools", // U-Boot for QEMU's boards, and mkimage
		"openssh-client", "dropbear-bin",
		"nftables",                   // nft: the kernel checks the filter that it loads
		"nginx", "qemu-user", "zstd", // what upgrades are measured with: a server of a fleet, ARM programs, a general delta
	}}
}

// Emulator is QEMU with its firmware, for `proa run` and the end-to-end tests.
func Emulator(arch string) pin.Set {
	return pin.Set{Name: "emulator", Arch: arch, Packages: []string{
		"qemu-system-x86", "qemu-system-arm", "qemu-utils", "ovmf", "seabios", "qemu-efi-aarch64",
		"u-boot-qemu", "device-tree-compiler", // U-Boot for QEMU's boards; fdtput changes a device tree for them
	}}
}

// Boot has the boot loaders of an architecture: they are data, whatever the host is.
func Boot(arch string) pin.Set {
	list := []string{"systemd-boot-efi"}
	if arch == "amd64" {
		list = append(list, "grub-pc-bin", "isolinux", "syslinux-common")
	}
	return pin.Set{Name: "boot", Arch: arch, Packages: list, Only: list}
}

// Root has the packages with the files of the root image; build/rootfiles lists the files.
func Root(arch string) pin.Set {
	return pin.Set{Name: "root", Arch: arch, Packages: []string{
		"busybox-static", "ca-certificates", "crun", "dropbear-bin", "e2fsprogs", "mount", "nftables",
		"openssh-client", "openssh-sftp-server", // scp and sftp on the device
		"tzdata", "tzdata-legacy", // time zones; legacy: the names that people still write, such as US/Eastern
	}}
}

// RootWithRadio is Root with the packages for Wi-Fi: firmware, the regulatory database, and wpa_supplicant.
func RootWithRadio(arch string, firmware []string) pin.Set {
	s := Root(arch)
	s.Name += "-" + strings.Join(firmware, "+")
	s.Packages = append(append(s.Packages, firmware...), "wireless-regdb", "wpasupplicant")
	return s
}

// Kernel is a kernel metapackage and the image it depends on. Debian's kernels after 6.12 are several packages, which
// linux-image-* depends on.
func Kernel(arch, metapackage, suite string) pin.Set {
	name := metapackage
	if suite != "" {
		name += "-" + suite
	}
	return pin.Set{Name: name, Arch: arch, Packages: []string{metapackage}, Suite: suite,
		Only: []string{"linux-image-*", "linux-binary-*", "linux-modules-*", "linux-base-*-" + arch}}
}

// Headers are the headers to compile proa's own modules against: of exactly the kernel's release, without programs.
func Headers(kernel pin.Set) pin.Set {
	return pin.Set{Name: "headers-of-" + kernel.Name, Arch: kernel.Arch, Follows: kernel.ID(),
		Packages: []string{"linux-headers-RELEASE"}, Only: []string{"linux-headers-*"}}
}

// Kbuild has the programs of the kernel's build, which run on the host for any target architecture.
func Kbuild(host string, kernel pin.Set) pin.Set {
	return pin.Set{Name: "kbuild-of-" + kernel.Name, Arch: host, Follows: kernel.ID(), Packages: []string{"linux-kbuild-VERSION"}}
}

// Firmware has packages with the firmware of a board: they are data. Boards with the same packages share the set.
func Firmware(arch string, packages []string) pin.Set {
	return pin.Set{Name: "firmware-" + strings.Join(packages, "+"), Arch: arch, Packages: packages, Only: packages}
}
