package qemu

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
)

// Medium is how the machine sees the image.
type Medium string

const (
	Disk Medium = "disk" // virtio disk
	CD   Medium = "cd"   // ATAPI drive
	USB  Medium = "usb"  // USB mass storage on xHCI
)

// Firmware is what runs before the bootloader.
type Firmware string

const (
	SeaBIOS Firmware = "seabios"
	OVMF    Firmware = "ovmf"
)

// Tools are the host files a machine needs; build/toolroot has them.
type Tools struct {
	System   string   // qemu-system-x86_64
	DataDirs []string // -L: option ROMs and SeaBIOS; empty: QEMU's own
	OVMFCode string   // OVMF_CODE_4M.fd
	OVMFVars string   // OVMF_VARS_4M.fd, copied for each machine
}

// ToolsIn are the tools where Debian's packages qemu-system-x86, seabios and ovmf lie unpacked.
func ToolsIn(root string) Tools {
	at := func(path string) string { return filepath.Join(root, path) }
	return Tools{
		System:   at("usr/bin/qemu-system-x86_64"),
		DataDirs: []string{at("usr/share/qemu"), at("usr/share/seabios")},
		OVMFCode: at("usr/share/OVMF/OVMF_CODE_4M.fd"),
		OVMFVars: at("usr/share/OVMF/OVMF_VARS_4M.fd"),
	}
}

// Spec is a machine to start.
type Spec struct {
	Tools    Tools
	Firmware Firmware
	Medium   Medium
	Image    string   // raw; written to when Medium is Disk
	Extra    []string // further raw disks, read-only
	Memory   int      // MiB; 0: 2048
	CPUs     int      // 0: 2
	Accel    string   // empty: tcg
	Restrict bool     // the guest reaches nothing but the forwarded ports' answers
	Forward  []int    // guest TCP ports to reach on loopback, see VM.Addr
	Dir      string   // for sockets and the firmware's variables; exists
	Console  io.Writer
	NoReboot bool // QEMU exits where the machine would reboot
}

// args is the command line, in the order a reader looks for things.
func (s Spec) args(ports map[int]int) []string {
	args := []string{
		"-name", "proa", "-M", "q35,graphics=off", // graphics=off: SeaBIOS speaks on the serial line
		"-accel", or(s.Accel, "tcg"), "-cpu", "max",
		"-m", strconv.Itoa(orInt(s.Memory, 2048)), "-smp", strconv.Itoa(orInt(s.CPUs, 2)),
		"-display", "none", "-monitor", "none", "-serial", "stdio",
		"-qmp", "unix:" + s.qmpSocket() + ",server=on,wait=off",
		"-device", "virtio-rng-pci",
		"-device", "i6300esb", "-action", "watchdog=reset",
		"-netdev", s.netdev(ports), "-device", "virtio-net-pci,netdev=n0,romfile=",
	}
	for _, dir := range s.Tools.DataDirs {
		args = append(args, "-L", dir)
	}
	if s.NoReboot {
		args = append(args, "-no-reboot")
	}
	args = append(args, s.firmware()...)
	args = append(args, s.medium()...)
	for i, extra := range s.Extra {
		id := fmt.Sprintf("x%d", i)
		args = append(args, "-drive", "if=none,format=raw,readonly=on,id="+id+",file="+extra,
			"-device", "virtio-blk-pci,drive="+id)
	}
	return args
}

func (s Spec) firmware() []string {
	if s.Firmware != OVMF {
		return nil // SeaBIOS is q35's default
	}
	return []string{
		"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + s.Tools.OVMFCode,
		"-drive", "if=pflash,format=raw,unit=1,file=" + s.varsFile(),
	}
}

func (s Spec) medium() []string {
	switch s.Medium {
	case CD:
		return []string{"-drive", "if=none,media=cdrom,format=raw,readonly=on,id=boot,file=" + s.Image,
			"-device", "ide-cd,drive=boot,bootindex=0"}
	case USB:
		return []string{"-drive", "if=none,format=raw,readonly=on,id=boot,file=" + s.Image,
			"-device", "qemu-xhci", "-device", "usb-storage,drive=boot,bootindex=0"}
	default:
		return []string{"-drive", "if=none,format=raw,discard=unmap,id=boot,file=" + s.Image,
			"-device", "virtio-blk-pci,drive=boot,bootindex=0"}
	}
}

func (s Spec) netdev(ports map[int]int) string {
	text := "user,id=n0"
	if s.Restrict {
		text += ",restrict=on"
	}
	guests := make([]int, 0, len(ports))
	for guest := range ports {
		guests = append(guests, guest)
	}
	slices.Sort(guests)
	for _, guest := range guests {
		text += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:%d", ports[guest], guest)
	}
	return text
}

func (s Spec) qmpSocket() string { return filepath.Join(s.Dir, "qmp.sock") }
func (s Spec) varsFile() string  { return filepath.Join(s.Dir, "vars.fd") }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func orInt(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}
