package background

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/fetch"
)

// asChild is set in the process that a test starts to be moved.
const asChild = "PROA_TEST_BACKGROUND"

func TestMain(m *testing.M) {
	if root, is := os.LookupEnv(asChild); is {
		os.Exit(child(root))
	}
	os.Exit(m.Run())
}

// child enters the background, starts a program as proa-fetch is started, and waits until standard input ends.
func child(root string) int {
	if err := Enter(root); err != nil {
		fmt.Println(err)
		return 1
	}
	cmd := exec.Command("cat")
	cmd.Dir = "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = fetch.As([]string{"cat"})
	}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(cmd.Process.Pid)
	_, _ = os.Stdin.Read(make([]byte, 1))
	in.Close()
	_ = cmd.Wait()
	return 0
}

// started runs child, and returns the process IDs of it and of the program that it started.
func started(t *testing.T, root string) (pids []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asChild+"="+root)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil || cmd.Start() != nil {
		t.Fatal(err1, err2)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	b := make([]byte, 400)
	n, _ := out.Read(b)
	other, err := strconv.Atoi(string(bytes.TrimSpace(b[:n])))
	if err != nil {
		t.Fatalf("%q", b[:n])
	}
	return []int{cmd.Process.Pid, other}
}

// TestThreads: the kernel says of every thread of the process, and of what it starts as another user, that both priorities
// are the lowest.
func TestThreads(t *testing.T) {
	for _, pid := range started(t, "/nowhere") {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil || len(tasks) == 0 {
			t.Fatal(tasks, err)
		}
		for _, task := range tasks {
			tid, _ := strconv.Atoi(task.Name())
			nice, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
			io, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, ioprioWhoProcess, uintptr(tid), 0)
			if err != nil || errno != 0 || 20-nice != Nice || io>>13 != ioprioIdle>>13 { // the system call returns 20 less nice
				t.Errorf("%d, thread %d: nice %d, %v, I/O class %d, %v", pid, tid, 20-nice, err, io>>13, errno)
			}
		}
	}
}

// TestCgroup: the process and what it starts are in the cgroup, of a real hierarchy where there is one to write to.
func TestCgroup(t *testing.T) {
	root := t.TempDir()
	top := filepath.Join(root, filepath.Dir(Cgroup))
	if err := os.MkdirAll(top, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("cgroup2", top, "cgroup2", 0, ""); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(top, unix.MNT_DETACH) })
	if _, err := os.Stat(filepath.Join(root, Cgroup)); err == nil {
		t.Skip("there is one already")
	}
	t.Cleanup(func() { _ = os.Remove(filepath.Join(root, Cgroup)) }) // after the processes in it have ended
	for _, pid := range started(t, root) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		if err != nil || !strings.Contains("\n"+string(text), "\n0::/"+filepath.Base(Cgroup)+"\n") {
			t.Errorf("%d is in %q, %v", pid, text, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, Cgroup, "cpu.weight"))
	if err == nil && string(text) != "10\n" {
		t.Errorf("cpu.weight %q", text)
	} else if err != nil {
		t.Logf("without the cpu controller: %v", err)
	}
}

// TestWeights: each that there is, is set; one that the kernel refuses is told, and the process is moved nevertheless.
func TestWeights(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, Cgroup)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../cgroup.procs", "cgroup.procs", "cpu.weight"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "io.weight"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := enter(dir)
	weight, _ := os.ReadFile(filepath.Join(dir, "cpu.weight"))
	procs, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err == nil || !strings.Contains(err.Error(), "io.weight") || string(weight) != "10" || string(procs) != strconv.Itoa(os.Getpid()) {
		t.Errorf("%v, %q, %q", err, weight, procs)
	}
}
