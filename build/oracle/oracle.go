// Package oracle finds the external programs that verify our output in tests: file system checkers, GRUB, U-Boot, QEMU.
// A missing program fails the test under `make unit`, and skips it under a plain `go test`.
package oracle

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// toolRoot is the variable that `proa tool` sets.
const toolRoot = "PROA_TOOLROOT"

// Tool returns the path of a program: in PATH, or in Debian's sbin directories.
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

// Pinned returns the path of a program whose version decides what the test expects: that of the tool root, which is the
// version in the images (build/pin). A plain `go test` skips the test, because the host's version may decide otherwise.
func Pinned(t testing.TB, name string) string {
	t.Helper()
	if os.Getenv(toolRoot) == "" {
		t.Skipf("%s of the tool root is needed, whatever version this host has: `make unit` installs it", name)
	}
	return Tool(t, name)
}

// GRUB returns the directory of GRUB's files for BIOS machines.
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

// UBoot returns Debian's U-Boot for a board of QEMU: "qemu_arm64", "qemu_arm".
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

// missing skips the test, or fails it under `proa tool`, which provides every program.
func missing(t testing.TB, name string) {
	t.Helper()
	if os.Getenv(toolRoot) != "" {
		t.Fatalf("%s is missing from the tool root; build/pin/debian lists its packages", name)
	}
	t.Skipf("%s is not installed: `make unit` installs it", name)
}
