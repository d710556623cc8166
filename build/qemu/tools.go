package qemu

import "path/filepath"

// Tools are a machine of the table below, with paths of host files that build/toolroot has.
type Tools struct {
	System   string   // qemu-system-x86_64
	Machine  []string // arguments that choose machine, processor and what stands for network and watchdog
	CD       []string // arguments for a drive that holds the disc "boot"; nil: it cannot start from one
	Disk     []string // arguments that attach drive "boot"; nil: a card reader of the machine's own takes it
	Serial   []string // where the console is
	NIC      NIC
	UEFICode string // the firmware, read-only
	UEFIVars string // its variables, copied for each machine
	UBoot    string // U-Boot in the machine's flash
	NoButton bool   // there is no power button
	// NoWatchdog: the kernel has no driver for one, or the machine's does not work.
	NoWatchdog bool
	// NoRestart: a kernel that has no modules yet, for what restarts the machine is the watchdog's driver, stands still after a panic.
	NoRestart bool
	// HideNIC: the boot loader must not see the network adapter, see hideNIC.
	HideNIC bool
	CPUs    int // the machine has exactly that many; 0: as many as are asked for
	Memory  int // MiB; as CPUs
	Accel   string

	// Loads are files of the image's own boot partition that QEMU loads, as the board's firmware would: argument and name.
	Loads []Load
	// Direct starts the slot's kernel without the boot loader, for boards whose boot loader QEMU cannot run; then Loads has the kernel.
	Direct bool
	// For what QEMU lacks: Words are put into the kernel's command line, Drop is taken out of it (a direct start's only), and Edit
	// changes the device tree.
	Words  string
	Drop   string
	Edit   []string // arguments of fdtput
	FDTPut string
}

// NIC is the network adapter of a machine.
type NIC struct {
	Device    string // QEMU's name and options
	Interface string // the kernel's name
	Slow      bool   // 12 Mbit/s at best: an image wants another way in
}

// Load is one file for QEMU.
type Load struct{ Arg, File string }

const (
	x86   = "usr/bin/qemu-system-x86_64"
	arm64 = "usr/bin/qemu-system-aarch64"
	arm   = "usr/bin/qemu-system-arm"
)

// pci is what machines with PCI get: randomness, and a watchdog that resets.
var pci = []string{"-device", "virtio-rng-pci", "-device", "i6300esb", "-action", "watchdog=reset"}

// virtioDisk and stdio are the usual way.
var (
	virtioDisk = []string{"-device", "virtio-blk-pci,drive=boot,bootindex=0"}
	stdio      = []string{"-serial", "stdio"}
	virtioNIC  = NIC{Device: "virtio-net-pci,romfile=", Interface: "eth0"}
	usbNIC     = NIC{Device: "usb-net", Interface: "usb0", Slow: true}
	// bothSerials: U-Boot and the kernel of a Raspberry Pi speak on either of its two, as the model wants.
	bothSerials = []string{"-chardev", "stdio,mux=on,id=c", "-serial", "chardev:c", "-serial", "chardev:c"}
)

// noWatchdog is for the Raspberry Pis: QEMU takes the setting of the watchdog's time for its end.
const noWatchdog = "proa.watchdog=off"

// oneThread is for machines whose number of processors is fixed: those that wait for an event give way to the others only if all share
// a thread; with one each, three of them keep the host's cores from the one that boots.
const oneThread = "tcg,thread=single"

// machines are the boards that Debian's packages qemu-system-x86 and qemu-system-arm emulate for us, with the firmware of ovmf,
// qemu-efi-aarch64 and u-boot-qemu; board.yaml names a row. graphics=off: SeaBIOS speaks on the serial line. The Raspberry Pis have
// neither PCI nor their own Ethernet in QEMU: a USB adapter stands in.
var machines = map[string]Tools{
	"q35": {
		System: x86, Machine: append([]string{"-M", "q35,graphics=off", "-cpu", "max"}, pci...),
		CD: []string{"-device", "ide-cd,drive=boot,bootindex=0"}, Disk: virtioDisk, Serial: stdio, NIC: virtioNIC,
		UEFICode: "usr/share/OVMF/OVMF_CODE_4M.fd", UEFIVars: "usr/share/OVMF/OVMF_VARS_4M.fd",
	},
	"arm64-uefi": { // -cpu max costs a second and a half of a boot
		System: arm64, Machine: append([]string{"-M", "virt", "-cpu", "cortex-a72"}, pci...),
		CD: []string{"-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=boot,bootindex=0"}, Disk: virtioDisk, Serial: stdio, NIC: virtioNIC,
		UEFICode: "usr/share/AAVMF/AAVMF_CODE.no-secboot.fd", UEFIVars: "usr/share/AAVMF/AAVMF_VARS.fd",
	},
	"arm64-u-boot": { // acpi=off: else QEMU takes U-Boot for UEFI and leaves out the device tree's power button
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
	"raspi2b": { // QEMU loads U-Boot where it was not linked for
		System: arm, Machine: []string{"-M", "raspi2b"}, Serial: bothSerials, NIC: usbNIC, NoButton: true, NoWatchdog: true, NoRestart: true, Accel: oneThread, CPUs: 4, Memory: 1024,
		Direct: true, Loads: []Load{{"-kernel", "slots/a/vmlinuz"}, {"-initrd", "slots/a/initrd"}, {"-dtb", "slots/a/dtb/bcm2836-rpi-2-b.dtb"}}, Words: noWatchdog,
	},
	"raspi4b": { // the drivers hang on blocks QEMU lacks; QEMU wires the card to the Wi-Fi's controller, without its regulators
		System: arm64, Machine: []string{"-M", "raspi4b"}, Serial: bothSerials, NIC: usbNIC, NoButton: true, NoWatchdog: true, NoRestart: true, Accel: oneThread, CPUs: 4, Memory: 2048,
		Direct: true, Loads: []Load{{"-kernel", "slots/a/vmlinuz"}, {"-initrd", "slots/a/initrd"}, {"-dtb", "slots/a/dtb/broadcom/bcm2711-rpi-4-b.dtb"}},
		Words: noWatchdog + " console=ttyAMA0,115200 initcall_blacklist=brcmstb_l2_driver_init,brcmstb_i2c_driver_init,clk_dvp_driver_init", Drop: "console=ttyS1,115200",
		Edit: []string{
			"-d /emmc2bus/mmc@7e340000 vmmc-supply vqmmc-supply",
			"-d /soc/mmc@7e300000 mmc-pwrseq non-removable pinctrl-names pinctrl-0",
			"-r /soc/mmc@7e300000/wifi@1",
			"-r /soc/serial@7e201000/bluetooth", // else the port is Bluetooth's and no terminal
			"/soc/mmc@7e300000 broken-cd",
		},
		FDTPut: "usr/bin/fdtput",
	},
}

// cardSize is of a card: QEMU takes only powers of two, and writes every sector that is discarded, which is all of data at the first boot.
const cardSize = 2 << 30

// Room is how large the medium of a machine is to be, where a disk would have so many bytes.
func (t Tools) Room(disk int64) int64 {
	if t.Disk == nil {
		return cardSize
	}
	return disk
}

// ToolsIn are the tools of a machine where the packages lie unpacked; nothing for one that is not in the table.
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
