package qemu

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Medium is how the image is attached.
type Medium string

const (
	Disk Medium = "disk" // virtio disk, or the SD card of a machine that has a card reader
	CD   Medium = "cd"
	USB  Medium = "usb" // USB mass storage on xHCI
)

// Firmware is the firmware that starts the boot loader.
type Firmware string

const (
	BIOS Firmware = "bios" // SeaBIOS
	UEFI Firmware = "uefi" // EDK2: OVMF, AAVMF
)

// Spec describes a machine to start.
type Spec struct {
	Tools    Tools
	Firmware Firmware
	Medium   Medium
	Image    string   // raw; written to if Medium is Disk
	Extra    []string // further raw disks, read-only
	Targets  []string // further raw disks, written to
	Typed    *os.File // what is typed on the serial console; nil: nothing
	Memory   int      // MiB; 0: 2048
	CPUs     int      // 0: 2
	Accel    string   // empty: tcg
	Restrict bool     // no network but the forwarded ports
	Cards    []string // models of further network adapters, see Card
	LAN      LAN      // a network with one other machine; zero: none
	Moves    bool     // the cable can be plugged into a second network, Elsewhere, see VM.Plug
	Forward  []int    // guest TCP ports forwarded from loopback, see VM.Addr
	Dir      string   // for sockets and the firmware's variables; must exist
	Console  io.Writer
	NoReboot bool      // QEMU exits when the machine restarts
	Clock    time.Time // initial time of the RTC; zero: the host's time
	// WriteLog is an existing, empty file to which QEMU logs every write and flush of the disk (build/powercut/writelog
	// reads it); "": none.
	WriteLog string
	Snapshot bool // what is written to the disk goes to a temporary file and is lost when QEMU ends
}

// LAN is an adapter on a network that two machines share, by datagrams between two sockets of the host.
type LAN struct {
	Own, Other string // paths of the sockets
	MAC        string
}

func (l LAN) args(model string) []string {
	if l.Own == "" {
		return nil
	}
	return []string{"-netdev", "dgram,id=lan,local.type=unix,local.path=" + l.Own + ",remote.type=unix,remote.path=" + l.Other,
		"-device", model + ",netdev=lan,mac=" + l.MAC}
}

// args returns QEMU's command line.
func (s Spec) args(ports forwards) []string {
	memory, cpus := orInt(s.Tools.Memory, orInt(s.Memory, 2048)), orInt(s.Tools.CPUs, orInt(s.CPUs, 2))
	args := append([]string{"-name", "proa"}, s.Tools.Machine...)
	args = append(args,
		"-accel", or(s.Accel, or(s.Tools.Accel, "tcg")), "-m", strconv.Itoa(memory), "-smp", strconv.Itoa(cpus), "-display", "none", "-monitor", "none",
		"-qmp", "unix:"+s.qmpSocket()+",server=on,wait=off",
	)
	args = append(args, s.networks(ports)...)
	if !s.Tools.HideNIC {
		args = append(args, "-device", s.Tools.NIC.Device+",netdev="+s.cable())
	}
	for i, model := range s.Cards {
		id := fmt.Sprintf("c%d", i)
		args = append(args, "-netdev", fmt.Sprintf("%s,net=10.78.%d.0/24,dhcpstart=10.78.%d.15", s.netdev(id, nil), i, i), "-device", model+",netdev="+id+",mac="+Card(i))
	}
	args = append(args, s.LAN.args(s.Tools.NIC.Device)...)
	args = append(args, s.Tools.Serial...)
	if !s.Clock.IsZero() {
		args = append(args, "-rtc", "base="+s.Clock.UTC().Format("2006-01-02T15:04:05"))
	}
	if s.NoReboot {
		args = append(args, "-no-reboot")
	}
	args = append(args, s.firmware()...)
	args = append(args, s.medium()...)
	if s.WriteLog != "" { // merged, a write can have as many parts as one system call takes; with the driver's own it fails
		args = append(args, "-global", "virtio-blk-device.request-merging=off")
	}
	for i, extra := range s.Extra {
		id := fmt.Sprintf("x%d", i)
		args = append(args, "-drive", "if=none,format=raw,readonly=on,id="+id+",file="+extra,
			"-device", "virtio-blk-pci,drive="+id)
	}
	for i, target := range s.Targets {
		id := fmt.Sprintf("t%d", i)
		args = append(args, "-drive", "if=none,format=raw,id="+id+",file="+target, "-device", "virtio-blk-pci,serial=TARGET"+strconv.Itoa(i)+",drive="+id)
	}
	return args
}

func (s Spec) firmware() []string {
	if s.Tools.UBoot != "" {
		return []string{"-bios", s.Tools.UBoot}
	}
	if s.Firmware != UEFI {
		return nil // q35 has SeaBIOS by default, and a board of its own uses Tools.Loads
	}
	return []string{
		"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + s.Tools.UEFICode,
		"-drive", "if=pflash,format=raw,unit=1,file=" + s.varsFile(),
	}
}

func (s Spec) medium() []string {
	switch s.Medium {
	case CD:
		return append([]string{"-drive", "if=none,media=cdrom,format=raw,readonly=on,id=boot,file=" + s.Image}, s.Tools.CD...)
	case USB:
		return []string{"-drive", "if=none,format=raw,readonly=on,id=boot,file=" + s.Image,
			"-device", "qemu-xhci", "-device", "usb-storage,drive=boot,bootindex=0"}
	}
	if s.Tools.Disk == nil {
		return []string{"-drive", "if=sd," + s.disk()}
	}
	return append([]string{"-drive", "if=none,discard=unmap,id=boot," + s.disk()}, s.Tools.Disk...)
}

// disk returns the options of the disk's file. The number of entries in the log's header is written at every 64th entry,
// and when QEMU ends in order.
func (s Spec) disk() string {
	switch {
	case s.WriteLog != "":
		return "driver=blklogwrites,log-super-update-interval=64,file.driver=file,file.filename=" + s.Image + ",log.driver=file,log.filename=" + s.WriteLog
	case s.Snapshot:
		return "format=raw,snapshot=on,file=" + s.Image
	}
	return "format=raw,file=" + s.Image
}

func (s Spec) netdev(id string, ports map[int]int) string {
	text := "user,id=" + id
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

// Card returns the hardware address of an adapter in Spec.Cards. Its network, 10.78.N.0/24, has a router and a DHCP server
// as the first one's has.
func Card(n int) string { return fmt.Sprintf("52:54:00:78:00:%02x", n) }

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
