package qemu

import "path/filepath"

// Tools are the host files a machine needs; build/toolroot has them.
type Tools struct {
	System   string   // qemu-system-x86_64
	Machine  []string // arguments that choose machine and processor
	CD       []string // arguments for a drive that holds the disc "boot"
	DataDirs []string // -L: option ROMs and SeaBIOS; empty: QEMU's own
	UEFICode string   // the firmware, read-only
	UEFIVars string   // its variables, copied for each machine
}

// architectures are the machines that Debian's packages qemu-system-x86 and qemu-system-arm emulate for us, with the firmware of
// ovmf and qemu-efi-aarch64. graphics=off: SeaBIOS speaks on the serial line.
var architectures = map[string]Tools{
	"amd64": {
		System:   "usr/bin/qemu-system-x86_64",
		Machine:  []string{"-M", "q35,graphics=off", "-cpu", "max"},
		CD:       []string{"-device", "ide-cd,drive=boot,bootindex=0"},
		DataDirs: []string{"usr/share/qemu", "usr/share/seabios"},
		UEFICode: "usr/share/OVMF/OVMF_CODE_4M.fd",
		UEFIVars: "usr/share/OVMF/OVMF_VARS_4M.fd",
	},
	"arm64": {
		System:   "usr/bin/qemu-system-aarch64",
		Machine:  []string{"-M", "virt", "-cpu", "cortex-a72"}, // max costs a second and a half of a boot
		CD:       []string{"-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=boot,bootindex=0"},
		DataDirs: []string{"usr/share/qemu"},
		UEFICode: "usr/share/AAVMF/AAVMF_CODE.no-secboot.fd",
		UEFIVars: "usr/share/AAVMF/AAVMF_VARS.fd",
	},
}

// ToolsIn are the tools for a GOARCH where the packages lie unpacked; nothing for one we have no machine of.
func ToolsIn(root, arch string) Tools {
	t := architectures[arch]
	at := func(path string) string { return filepath.Join(root, path) }
	dirs := make([]string, len(t.DataDirs))
	for i, d := range t.DataDirs {
		dirs[i] = at(d)
	}
	return Tools{System: at(t.System), Machine: t.Machine, CD: t.CD, DataDirs: dirs, UEFICode: at(t.UEFICode), UEFIVars: at(t.UEFIVars)}
}
