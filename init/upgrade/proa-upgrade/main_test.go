package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config/pushlink"
	"github.com/proa-os/proa/init/background"
)

// TestBackground: the engine that waits for its host has the lowest priority in all its threads.
func TestBackground(t *testing.T) {
	program := filepath.Join(t.TempDir(), "proa-upgrade")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(program, "apply", pushlink.Place)
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = cmd.Wait(); _ = os.Remove(background.Cgroup) }() // where the test may write cgroups
	said := ""
	for range 200 {
		time.Sleep(50 * time.Millisecond)
		if said = normal(cmd.Process.Pid); said == "" {
			return
		}
	}
	t.Error(said)
}

// normal says which thread of a process has another priority.
func normal(pid int) string {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil || len(tasks) == 0 {
		return fmt.Sprintf("no threads: %v", err)
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(task.Name())
		if nice, err := unix.Getpriority(unix.PRIO_PROCESS, tid); err != nil || 20-nice != background.Nice { // it returns 20 less nice
			return fmt.Sprintf("thread %d: nice %d, %v", tid, 20-nice, err)
		}
	}
	return ""
}
