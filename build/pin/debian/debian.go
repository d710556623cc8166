// Package debian lists the packages of Debian's that a build takes: one function for each set. Which of them a board needs is for build/sets
// to say, and which versions they have for the lock. It stands apart from pin because steps consist of pin's code, and a package more for
// one set is no reason to make another step again.
package debian

import (
	"strings"

	"github.com/proa-os/proa/build/pin"
)

// Tools is what a build runs on the host: the C compiler that links k3s, and the writers of formats that
// no Go library writes well enough.
func Tools(arch string) pin.Set {
	return pin.Set{Name: "tools", Arch: arch, Packages: []string{
		"binutils", "gcc-14", "libc6-dev", // cgo of k3s, and pause
		"erofs-utils", // mkfs.erofs with compression; fsck.erofs judges it
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

// Oracles are the programs that judge what we wrote, in tests.
func Oracles(arch string) pin.Set {
	return pin.Set{Name: "oracles", Arch: arch, Packages: []string{
		"dosfstools", "mtools", "gdisk", "cryptsetup-bin", "e2fsprogs", "xorriso", "cpio", "erofs-utils",
		"u-boot-qemu", "u-boot-tools", // U-Boot for QEMU's boards, and mkimage
		"openssh-client", "dropbear-bin",
		"nftables", // the kernel judges the filter that it loads
	}}
}

// Emulator is QEMU with its firmware, for `proa run` and the end-to-end tests.
func Emulator(arch string) pin.Set {
	return pin.Set{Name: "emulator", Arch: arch, Packages: []string{
		"qemu-system-x86", "qemu-system-arm", "qemu-utils", "ovmf", "seabios", "qemu-efi-aarch64",
		"u-boot-qemu", "device-tree-compiler", // U-Boot for QEMU's boards; fdtput changes a device tree for them
	}}
}

// Boot is the boot loaders of an architecture: data to us, whatever host builds.
func Boot(arch string) pin.Set {
	list := []string{"systemd-boot-efi"}
	if arch == "amd64" {
		list = append(list, "grub-pc-bin", "isolinux", "syslinux-common")
	}
	return pin.Set{Name: "boot", Arch: arch, Packages: list, Only: list}
}

// Root is the packages whose files the root image takes; build/rootfiles says which files.
func Root(arch string) pin.Set {
	return pin.Set{Name: "root", Arch: arch, Packages: []string{
		"busybox-static", "ca-certificates", "crun", "dropbear-bin", "e2fsprogs", "mount", "nftables",
		"openssh-client", "openssh-sftp-server", // the device's ends of scp and sftp
	}}
}

// RootWithRadio is Root and what Wi-Fi wants: the radio's firmware, the channels that each country permits, and who speaks WPA.
func RootWithRadio(arch string, firmware []string) pin.Set {
	s := Root(arch)
	s.Name += "-" + strings.Join(firmware, "+")
	s.Packages = append(append(s.Packages, firmware...), "wireless-regdb", "wpasupplicant")
	return s
}

// Kernel is a kernel metapackage and the image it stands for. Kernels of Debian's after 6.12 are several packages, of which
// linux-image-* names the others.
func Kernel(arch, metapackage, suite string) pin.Set {
	name := metapackage
	if suite != "" {
		name += "-" + suite
	}
	return pin.Set{Name: name, Arch: arch, Packages: []string{metapackage}, Suite: suite,
		Only: []string{"linux-image-*", "linux-binary-*", "linux-modules-*", "linux-base-*-" + arch}}
}

// Headers is what modules of our own are compiled against: of exactly the kernel's release, and nothing that would run.
func Headers(kernel pin.Set) pin.Set {
	return pin.Set{Name: "headers-of-" + kernel.Name, Arch: kernel.Arch, Follows: kernel.ID(),
		Packages: []string{"linux-headers-RELEASE"}, Only: []string{"linux-headers-*"}}
}

// Kbuild is the programs of the kernel's build, which run on the host whatever the kernel is for.
func Kbuild(host string, kernel pin.Set) pin.Set {
	return pin.Set{Name: "kbuild-of-" + kernel.Name, Arch: host, Follows: kernel.ID(), Packages: []string{"linux-kbuild-VERSION"}}
}

// Firmware is packages with what a board's ROM or firmware reads: data to us. Boards with the same packages share them.
func Firmware(arch string, packages []string) pin.Set {
	return pin.Set{Name: "firmware-" + strings.Join(packages, "+"), Arch: arch, Packages: packages, Only: packages}
}
