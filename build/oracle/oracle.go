// Package oracle finds the programs that judge what we wrote: the file system checkers, GRUB, U-Boot, QEMU. It is for
// tests only. Run by `make unit`, a program that is missing fails the test; run by a bare `go test`, it skips.
package oracle

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Tool is the path of a program: in PATH, or where Debian puts those of the administrator.
func Tool(t testing.TB, name string) string {
	t.Helper()
	if bin, err := exec.LookPath(name); err == nil {
		return bin
	}
	bin := filepath.Join("/usr/sbin", name)
	if _, err := os.Stat(bin); err != nil {
		missing(t, name)
	}
	return bin
}

// GRUB is the directory of GRUB's files for BIOS machines.
func GRUB(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("GRUB_DIR")
	if dir == "" {
		dir = "/usr/lib/grub/i386-pc"
	}
	if _, err := os.Stat(filepath.Join(dir, "boot.img")); err != nil {
		missing(t, "GRUB for i386-pc")
	}
	return dir
}

// UBoot is Debian's U-Boot for a board of QEMU: "qemu_arm64", "qemu_arm".
func UBoot(t testing.TB, board string) string {
	t.Helper()
	dir := os.Getenv("UBOOT_DIR")
	if dir == "" {
		dir = "/usr/lib/u-boot"
	}
	bin := filepath.Join(dir, board, "u-boot.bin")
	if _, err := os.Stat(bin); err != nil {
		missing(t, "U-Boot for "+board)
	}
	return bin
}

// missing skips, unless `proa tool` promised that everything is there.
func missing(t testing.TB, name string) {
	t.Helper()
	if os.Getenv("PROA_TOOLROOT") != "" {
		t.Fatalf("%s is missing from the tool root; build/pin/debian lists its packages", name)
	}
	t.Skipf("%s is not installed: `make unit` brings it", name)
}
