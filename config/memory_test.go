package config

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// hungry is set, to the name of a file, in the process whose memory is measured.
const hungry = "PROA_TEST_HUNGRY"

// mostMemory is what reading any file may take at most, in MiB, beyond an empty one. The smallest machine has 512 MiB.
const mostMemory = 128

// TestMemory: no file takes more memory than the smallest machine can spare. A process of its own reads each.
func TestMemory(t *testing.T) {
	if file := os.Getenv(hungry); file != "" {
		text, err := Read(file)
		if err != nil {
			t.Fatal(err)
		}
		Load(Document(file, text), CommandLine("hostname=a"))
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("peak=%d\n", r.Maxrss) // KiB
		return
	}
	lines := func(format string, count int) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	least := peak(t, "hostname: a\n", 0)
	for name, text := range map[string]string{
		"10 000 keys":       lines("key%d: 1\n", 10_000),
		"10 000 interfaces": "network:\n  interfaces:\n" + lines("    eth%d: {dhcp: true}\n", 10_000),
		"10 000 files":      "write_files:\n" + lines("  - {path: /etc/f%d, content: a}\n", 10_000),
		"10 000 parts":      "Content-Type: multipart/mixed; boundary=B\nMIME-Version: 1.0\n\n" + lines("--B\nContent-Type: text/cloud-config\n\nhostname: a%d\n", 10_000) + "--B--\n",
		"aliases":           bomb(12, "sysctls"),
		"brackets":          strings.Repeat("[", MaxSize-1),
		"one line":          "hostname: " + strings.Repeat("a", MaxSize-20) + "\n",
		"gzip bomb":         string(packed(t, 1<<30)),
		"unknown keys":      lines("%d: 1\n", 100_000),
		"not closed":        strings.Repeat("x: {\n", MaxSize/5-1),
		"comments":          strings.Repeat("# nothing\n", (MaxSize-1)/10),
	} {
		if used := peak(t, text, 0) - least; used > mostMemory {
			t.Errorf("%s: %d MiB", name, used)
		} else {
			t.Logf("%s: %d MiB", name, used)
		}
	}
	if used := peak(t, "hostname: a\n", 100<<20) - least; used > mostMemory {
		t.Errorf("100 MiB: %d MiB", used)
	}
}

// peak returns the most memory, in MiB, that a process has while it reads a file of this text, or of so many bytes.
func peak(t *testing.T, text string, size int64) int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if size > 0 {
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemory$")
	cmd.Env = append(os.Environ(), hungry+"="+file)
	out, err := cmd.CombinedOutput()
	_, rest, found := strings.Cut(string(out), "peak=")
	number, _, _ := strings.Cut(rest, "\n")
	kib, bad := strconv.Atoi(number)
	if err != nil || !found || bad != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return kib >> 10
}

// packed returns a gzip of so many zeros.
func packed(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, part := gzip.NewWriter(&b), make([]byte, 1<<20)
	for ; size > 0; size -= len(part) {
		if _, err := z.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
