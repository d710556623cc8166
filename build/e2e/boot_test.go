package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// The ISO and the disk image boot with each firmware and from each medium. Kubernetes is disabled if the medium allows
// a config: these tests are about boot and shutdown. A boot keeps one core busy, so two run
// side by side (-parallel 2).
func TestBoots(t *testing.T) {
	needs(t, "ci")
	boots(t, (*testing.T).Parallel, []bootCase{
		{"iso-cd-seabios", options{kind: "iso", firmware: qemu.BIOS, medium: qemu.CD}, "live"},
		{"iso-cd-ovmf", options{kind: "iso", firmware: qemu.UEFI, medium: qemu.CD}, "live"},
		{"iso-usb-seabios", options{kind: "iso", firmware: qemu.BIOS, medium: qemu.USB}, "live"},
		{"iso-usb-ovmf", options{kind: "iso", firmware: qemu.UEFI, medium: qemu.USB}, "live"},
		{"disk-seabios", options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk}, "disk"},
		{"disk-ovmf", options{kind: "img", firmware: qemu.UEFI, medium: qemu.Disk}, "disk"},
	})
}

// The other boards' images, each through its own firmware, one at a time: some have four CPUs.
func TestBoardsBoot(t *testing.T) {
	needs(t, "boards")
	boots(t, func(*testing.T) {}, []bootCase{
		{"arm64-uefi-iso-cd", options{board: "arm64-uefi", kind: "iso", firmware: qemu.UEFI, medium: qemu.CD}, "live"},
		{"arm64-uefi-iso-usb", options{board: "arm64-uefi", kind: "iso", firmware: qemu.UEFI, medium: qemu.USB}, "live"},
		{"arm64-uefi-disk", options{board: "arm64-uefi", kind: "img", firmware: qemu.UEFI, medium: qemu.Disk}, "disk"},
		{"arm64-virt", options{board: "arm64-virt", kind: "img", medium: qemu.Disk}, "disk"},
		{"armv7-virt", options{board: "armv7-virt", kind: "img", medium: qemu.Disk}, "disk"},
		{"rpi3", options{board: "rpi3", kind: "img.zst", medium: qemu.Disk}, "disk"},
		{"rpi2", options{board: "rpi2", kind: "img.zst", medium: qemu.Disk}, "disk"},
		{"rpi4", options{board: "rpi4", kind: "img.zst", medium: qemu.Disk}, "disk"},
	})
}

type bootCase struct {
	name string
	options
	mode string
}

// boots starts each machine and switches it off again. begin is called at the start of each subtest.
func boots(t *testing.T, begin func(*testing.T), cases []bootCase) {
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			begin(t)
			tc.config = gateConfig
			m := start(t, tc.options)
			m.expect("mode="+tc.mode, bootBudget)
			if tc.mode == "disk" {
				diskIsWhole(t, m)
			}
			m.off()
			if !strings.Contains(m.Console(), "reboot: Power down") {
				t.Error("the kernel did not announce the power-off: the machine was not shut down in order")
			}
			if tc.mode == "disk" && tc.machine() == "q35" {
				boxTells(t, m)
			}
		})
	}
}

// diskIsWhole: slot a runs and is good, the root is verified, the data partition exists and has the writable
// directories.
func diskIsWhole(t *testing.T, m *machine) {
	t.Helper()
	m.untilGood(bootBudget)
	status := m.run("proa status", nil)
	if !strings.Contains(status, "slot") {
		t.Errorf("proa status does not name the slot:\n%s", status)
	}
	if text := m.run("proa status --json; proa timeline", nil); strings.Contains(text, "black_box") {
		t.Errorf("a trial that held is told of:\n%s", text)
	}
	if out := m.run("grep -E ' / | /var ' /proc/mounts", nil); !strings.Contains(out, "/dev/dm-0 / erofs ro") || !strings.Contains(out, " /var ext4 rw") {
		t.Errorf("root is not the verified image, or /var not on data:\n%s", out)
	}
	if r := m.node.Run(t.Context(), "touch /usr/bin/x", nil); r.Err == nil {
		t.Error("the root can be written")
	}
}
