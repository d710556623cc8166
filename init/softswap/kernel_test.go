package softswap

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/softswap/shim"
	"github.com/proa-os/proa/init/sys"
)

// inside says that the test runs as PID 1 of namespaces of its own, with a root that it can exchange.
const inside = "PROA_TEST_SWAP"

// TestExchange: the steps that exchange the root and execute the new program, by the kernel: a pod's shim with its volume and a container in mounts of
// its own see the same afterwards, what is mounted later reaches the container, and what ran from the old root is gone and
// does not keep it in use.
func TestExchange(t *testing.T) {
	if os.Getenv(inside) != "" {
		exchange(t)
		return
	}
	dir := t.TempDir()
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--propagation", "private", os.Args[0], "-test.run=^TestExchange$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil && strings.Contains(out.String(), "Operation not permitted") {
		t.Skipf("no namespace: %s", out.String())
	}
	if err != nil || strings.Contains(out.String(), "kernel_test.go") || !strings.Contains(out.String(), "as PID 1 of new: the volume is kept, the shim is a child\n") {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

// following is set to a shim's PID for the program that is executed in the new root.
const following = "PROA_TEST_FOLLOWS"

// TestMain is also that program.
func TestMain(m *testing.M) {
	pod := os.Getenv(following)
	if pod == "" || os.Getpid() != 1 {
		os.Exit(m.Run())
	}
	which, _ := os.ReadFile("/which")
	volume, _ := os.ReadFile("/var/volume/file")
	status, _ := os.ReadFile("/proc/" + pod + "/status")
	child := "no child"
	if strings.Contains(string(status), "\nPPid:\t1\n") {
		child = "a child"
	}
	fmt.Printf("as PID %d of %s: the volume is %s, the shim is %s\n", os.Getpid(), which, volume, child)
	os.Exit(0)
}

// roots makes two roots: tmpfs with the host's programs bound into them, so that both have a device of their own.
func roots(t *testing.T, dir string) (old string) {
	old = filepath.Join(dir, "old")
	must(t, os.MkdirAll(old, 0o755), unix.Mount("old", old, "tmpfs", 0, ""))
	for _, d := range []string{"proc", "run", "var", "etc", "tmp", "dev", "host", "usr/libexec/proa/next"} {
		must(t, os.MkdirAll(filepath.Join(old, d), 0o755))
	}
	for _, d := range []string{"usr/bin", "lib", "lib64"} {
		if target, err := filepath.EvalSymlinks("/" + d); err == nil {
			must(t, os.MkdirAll(filepath.Join(old, d), 0o755), unix.Mount(target, filepath.Join(old, d), "", unix.MS_BIND|unix.MS_REC, ""))
		}
	}
	sleep, err := os.ReadFile("/usr/bin/sleep")
	must(t, err, os.WriteFile(filepath.Join(old, "sleeper"), sleep, 0o755), os.WriteFile(filepath.Join(old, "which"), []byte("old"), 0o644))
	return old
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func exchange(t *testing.T) {
	dir := os.Getenv(inside)
	old := roots(t, dir)
	must(t, os.Chdir(old), unix.PivotRoot(".", "host"), os.Chdir("/"))
	must(t, unix.Mount("proc", "/proc", "proc", 0, ""), unix.Mount("run", "/run", "tmpfs", 0, ""), unix.Mount("var", "/var", "tmpfs", 0, ""),
		unix.Mount("dev", "/dev", "devtmpfs", 0, ""), unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""))
	must(t, os.MkdirAll("/run/proa/shim", 0o755), os.MkdirAll("/var/volume", 0o755), os.MkdirAll("/var/later", 0o755), unix.Mount("volume", "/var/volume", "tmpfs", 0, ""),
		os.WriteFile("/var/volume/file", []byte("kept"), 0o644))
	sleeper, err := os.ReadFile("/sleeper")
	must(t, err, os.WriteFile(shim.Dir+"/"+shim.Name, sleeper, 0o755))

	pod := start(t, shim.Dir+"/"+shim.Name, "600")
	session := start(t, "/sleeper", "600")
	container := start(t, "/usr/bin/unshare", "--mount", "--propagation", "slave", shim.Dir+"/"+shim.Name, "600")
	until(t, "the container's mounts", func() bool {
		mine, _ := os.Readlink("/proc/self/ns/mnt")
		its, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", container))
		return its != "" && its != mine
	})

	s := &Swap{M: &boot.Machine{Sys: sys.Linux{}, Logf: t.Logf}, Stop: func() {}, Save: func() error { return nil }}
	must(t, s.uses())
	if len(s.facts.Pods) != 1 || s.facts.Pods[0].Pid != container { // it has the old root among its mounts, which a real container has not
		t.Fatalf("pods that use the root: %v", s.facts.Pods)
	}
	must(t, s.private(), unix.Mount("new", Next, "tmpfs", 0, ""), os.WriteFile(Next+"/which", []byte("new"), 0o644))
	self, err := os.ReadFile("/proc/self/exe")
	must(t, err, os.MkdirAll(filepath.Dir(Next+program), 0o755), os.WriteFile(Next+program, self, 0o755))
	for _, d := range append([]string{"/etc"}, s.carry...) {
		must(t, os.MkdirAll(Next+d, 0o755))
	}
	must(t, s.mountPoints(), s.endProcesses())
	until(t, "the end of the session", func() bool { return !alive(session) })
	if !alive(pod) || !alive(container) {
		t.Errorf("pod %t, container %t", alive(pod), alive(container))
	}
	must(t, s.carryMounts(), s.pivot(), unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""))
	see := func(pid int, path string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/root%s", pid, path))
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
	if got := see(1, "/which") + see(pod, "/which") + see(1, "/var/volume/file") + see(pod, "/var/volume/file") + see(container, "/var/volume/file"); got != "newnewkeptkeptkept" {
		t.Errorf("after it: %s", got)
	}
	must(t, unix.Mount("later", "/var/later", "tmpfs", 0, ""), os.WriteFile("/var/later/file", []byte("later"), 0o644))
	if got := see(container, "/var/later/file"); got != "later" {
		t.Errorf("a mount made afterwards, in the container: %s", got)
	}
	table, _ := os.ReadFile("/proc/self/mountinfo")
	if strings.Contains(string(table), " - tmpfs old ") || strings.Count(string(table), " - tmpfs volume ") != 1 {
		t.Errorf("mounts afterwards:\n%s", table)
	}
	if t.Failed() {
		return
	}
	must(t, os.Setenv(following, fmt.Sprint(pod)), s.exec())
}

func start(t *testing.T, argv ...string) int {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	must(t, cmd.Start())
	go cmd.Wait() // a zombie would count as alive
	return cmd.Process.Pid
}

func alive(pid int) bool { return unix.Kill(pid, 0) == nil }

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s", what)
		}
	}
}
