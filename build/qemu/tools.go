package qemu

import (
	"path/filepath"

	"github.com/proa-os/proa/images/cmdline"
)

// Tools is a machine of the table below, with paths of host files that build/toolroot has.
type Tools struct {
	System   string   // qemu-system-x86_64
	Machine  []string // arguments for machine type, CPU, network and watchdog
	CD       []string // arguments for a drive that holds the disc "boot"; nil: it cannot boot from CD
	Disk     []string // arguments that attach the drive "boot"; nil: the machine's own card reader takes it
	Serial   []string // arguments for the console
	NIC      NIC
	UEFICode string // UEFI firmware, read-only
	UEFIVars string // its variables, copied for each machine
	UBoot    string // U-Boot in the machine's flash
	NoButton bool   // the machine has no power button
	// NoWatchdog: the kernel has no driver for the machine's watchdog, or that does not work in QEMU.
	NoWatchdog bool
	// NoRestart: a kernel without modules hangs after a panic, because the restart handler is in the watchdog's driver.
	NoRestart bool
	// HideNIC: the boot loader must not use the network adapter, see hideNIC.
	HideNIC bool
	CPUs    int // fixed number of CPUs; 0: as many as requested
	Memory  int // fixed size in MiB; 0: as requested
	Accel   string

	// Loads are files of the image's own boot partition that QEMU loads in place of the board's firmware: argument and
	// name.
	Loads []Load
	// Direct boots the slot's kernel without the boot loader, for boards whose boot loader QEMU cannot run; Loads then
	// has the kernel.
	Direct bool
	// Adaptations to what QEMU lacks: Words are added to the kernel command line, Drop is removed from it (direct boot
	// only), and Edit changes the device tree.
	Words  string
	Drop   string
	Edit   []string // arguments of fdtput
	FDTPut string
}

// NIC is a machine's network adapter.
type NIC struct {
	Device    string // QEMU's name and options
	Interface string // the kernel's name for it
	Slow      bool   // 12 Mbit/s at best: too slow to transfer an image
}

// Load is one file for QEMU.
type Load struct{ Arg, File string }

const (
	x86   = "usr/bin/qemu-system-x86_64"
	arm64 = "usr/bin/qemu-system-aarch64"
	arm   = "usr/bin/qemu-system-arm"
)

// pci are devices of machines with PCI: a random number generator, and a watchdog that resets the machine.
var pci = []string{"-device", "virtio-rng-pci", "-device", "i6300esb", "-action", "watchdog=reset"}

// virtioDisk and stdio are the defaults.
var (
	virtioDisk = []string{"-device", "virtio-blk-pci,drive=boot,bootindex=0"}
	stdio      = []string{"-serial", "stdio"}
	virtioNIC  = NIC{Device: "virtio-net-pci,romfile=", Interface: "eth0"}
	usbNIC     = NIC{Device: "usb-net", Interface: "usb0", Slow: true}
	// bothSerials connects both UARTs of a Raspberry Pi: U-Boot and the kernel use one or the other, depending on the
	// model.
	bothSerials = []string{"-chardev", "stdio,mux=on,id=c", "-serial", "chardev:c", "-serial", "chardev:c"}
)

// noWatchdog is for the Raspberry Pis: QEMU's watchdog expires as soon as its timeout is set.
const noWatchdog = cmdline.NoWatchdog

// oneThread is for machines with a fixed number of CPUs: CPUs that wait for an event yield to the others only if all
// share a thread. With a thread each, three of them would keep the host's cores busy.
const oneThread = "tcg,thread=single"

// machines are the machines that Debian's packages qemu-system-x86 and qemu-system-arm emulate, with the firmware of
// ovmf, qemu-efi-aarch64 and u-boot-qemu; board.yaml names a row. graphics=off: SeaBIOS prints to the serial port.
// QEMU's Raspberry Pis have neither PCI nor Ethernet: a USB adapter replaces it.
var machines = map[string]Tools{
	"q35": {
		System: x86, Machine: append([]string{"-M", "q35,graphics=off", "-cpu", "max"}, pci...),
		CD: []string{"-device", "ide-cd,drive=boot,bootindex=0"}, Disk: virtioDisk, Serial: stdio, NIC: virtioNIC,
		UEFICode: "usr/share/OVMF/OVMF_CODE_4M.fd", UEFIVars: "usr/share/OVMF/OVMF_VARS_4M.fd",
	},
	"arm64-uefi": { // -cpu max makes a boot one and a half seconds slower
		System: arm64, Machine: append([]string{"-M", "virt", "-cpu", "cortex-a72"}, pci...),
		CD: []string{"-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=boot,bootindex=0"}, Disk: virtioDisk, Serial: stdio, NIC: virtioNIC,
		UEFICode: "usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", UEFIVars: "usr/share/AAVMF/AAVMF_VARS.fd",
	},
	"arm64-u-boot": { // acpi=off: otherwise QEMU takes U-Boot for UEFI and omits the power button from the device tree
		System: arm64, Machine: append([]string{"-M", "virt,acpi=off", "-cpu", "cortex-a72"}, pci...),
		Disk: virtioDisk, Serial: stdio, NIC: virtioNIC, UBoot: "usr/lib/u-boot/qemu_arm64/u-boot.bin",
	},
	"armv7-u-boot": { // highmem=off: PCI below 4 GiB, where a kernel without LPAE reaches it. Debian's has no driver for i6300esb.
		System: arm, Machine: []string{"-M", "virt,highmem=off,acpi=off", "-cpu", "cortex-a15", "-device", "virtio-rng-pci"}, NoWatchdog: true,
		Disk: virtioDisk, Serial: stdio, NIC: virtioNIC, UBoot: "usr/lib/u-boot/qemu_arm/u-boot.bin",
	},
	"raspi3b": {
		System: arm64, Machine: []string{"-M", "raspi3b"}, Serial: bothSerials, NIC: usbNIC, NoButton: true, NoWatchdog: true, NoRestart: true, Accel: oneThread, CPUs: 4, Memory: 1024,
		Loads: []Load{{"-kernel", "u-boot.bin"}, {"-dtb", "bcm2837-rpi-3-b.dtb"}}, Words: noWatchdog,
		HideNIC: true,
	},
	// QEMU loads U-Boot at another address than it is linked for. With four CPUs on one thread, each page that the kernel makes
	// read-only takes the 300 ms in which the others have their turns: 25 minutes for all of them.
	"raspi2b": {
		System: arm, Machine: []string{"-M", "raspi2b"}, Serial: bothSerials, NIC: usbNIC, NoButton: true, NoWatchdog: true, NoRestart: true, Accel: oneThread, CPUs: 4, Memory: 1024,
		Direct: true, Loads: []Load{{"-kernel", "slots/a/vmlinuz"}, {"-initrd", "slots/a/initrd"}, {"-dtb", "slots/a/dtb/bcm2836-rpi-2-b.dtb"}}, Words: noWatchdog + " maxcpus=1",
	},
	"raspi4b": { // these drivers hang, because QEMU lacks their hardware; QEMU connects the card to the Wi-Fi adapter's controller, without its regulators
		System: arm64, Machine: []string{"-M", "raspi4b"}, Serial: bothSerials, NIC: usbNIC, NoButton: true, NoWatchdog: true, NoRestart: true, Accel: oneThread, CPUs: 4, Memory: 2048,
		Direct: true, Loads: []Load{{"-kernel", "slots/a/vmlinuz"}, {"-initrd", "slots/a/initrd"}, {"-dtb", "slots/a/dtb/broadcom/bcm2711-rpi-4-b.dtb"}},
		Words: noWatchdog + " console=ttyAMA0,115200 initcall_blacklist=brcmstb_l2_driver_init,brcmstb_i2c_driver_init,clk_dvp_driver_init", Drop: "console=ttyS1,115200",
		Edit: []string{
			"-d /emmc2bus/mmc@7e340000 vmmc-supply vqmmc-supply",
			"-d /soc/mmc@7e300000 mmc-pwrseq non-removable pinctrl-names pinctrl-0",
			"-r /soc/mmc@7e300000/wifi@1",
			"-r /soc/serial@7e201000/bluetooth", // otherwise the port belongs to Bluetooth and is no terminal
			"/soc/mmc@7e300000 broken-cd",
		},
		FDTPut: "usr/bin/fdtput",
	},
}

// cardSize is the size of an SD card: QEMU accepts only powers of two, and writes every discarded sector, which is all
// of data at the first boot.
const cardSize = 2 << 30

// Room returns the size of the machine's medium, where a disk would have disk bytes.
func (t Tools) Room(disk int64) int64 {
	if t.Disk == nil {
		return cardSize
	}
	return disk
}

// ToolsIn returns a machine with the paths of the packages unpacked in root; the zero value if it is not in the table.
func ToolsIn(root, machine string) Tools {
	t := machines[machine]
	at := func(path string) string {
		if path == "" {
			return ""
		}
		return filepath.Join(root, path)
	}
	t.System, t.UEFICode, t.UEFIVars, t.UBoot, t.FDTPut = at(t.System), at(t.UEFICode), at(t.UEFIVars), at(t.UBoot), at(t.FDTPut)
	return t
}
