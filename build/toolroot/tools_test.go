package toolroot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestToolsRunOnThisHost tests the real tool roots, whose paths `proa tool -- go test` sets.
func TestToolsRunOnThisHost(t *testing.T) {
	emulator := os.Getenv("PROA_TOOLROOT")
	if emulator == "" {
		t.Skip("PROA_TOOLROOT is not set: run by `make unit`")
	}
	root := Root{emulator}
	out, err := exec.Command(root.Tool("qemu-system-x86_64"), "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "QEMU emulator version") {
		t.Errorf("qemu: %v\n%s", err, out)
	}
	// QEMU's firmware directories do not include the host's, which may have other versions or none.
	out, err = exec.Command(root.Tool("qemu-system-x86_64"), "-L", "help").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if err != nil || !strings.HasPrefix(line, root.Dir) {
			t.Errorf("qemu looks for firmware in %s (%v)", line, err)
		}
	}
	// A display needs modules that are not in the tool root; the host may have them from another QEMU.
	quit := exec.Command(root.Tool("qemu-system-x86_64"), "-M", "q35", "-accel", "tcg", "-display", "none", "-monitor", "stdio", "-serial", "none", "-S")
	quit.Stdin = strings.NewReader("quit\n")
	if out, err = quit.CombinedOutput(); err != nil || strings.Contains(string(out), "/usr/lib/x86_64-linux-gnu/qemu/") {
		t.Errorf("qemu with the host's modules within reach: %v\n%s", err, out)
	}
	dir := t.TempDir()
	main := filepath.Join(dir, "main.go")
	text := "package main\n\n// #include <stdio.h>\n// static void hello(void) { puts(\"hello\"); fflush(stdout); }\nimport \"C\"\n\nfunc main() { C.hello() }\n"
	if err := os.WriteFile(main, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-o", program, "-ldflags=-linkmode external -extldflags -static", main)
	build.Env = append(os.Environ(), "CGO_ENABLED=1", "GCC_EXEC_PREFIX=/nonexistent/", "LIBRARY_PATH=/nonexistent", "CPATH=/nonexistent", "LC_ALL=tr_TR.UTF-8")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cgo by %s: %v\n%s", os.Getenv("CC"), err, out)
	}
	if isProgram(program) {
		t.Error("the program asks for a dynamic loader")
	}
	if out, err := exec.Command(program).Output(); err != nil || string(out) != "hello\n" {
		t.Errorf("%q, %v", out, err)
	}
}
