package e2e

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/remote"
)

// runBudget is wall time, because we do not have the QEMU process of the verb. A Raspberry Pi takes the longest.
const runBudget = 90 * time.Minute

// TestRun: `proa run BOARD` brings every board that QEMU emulates to Ready, without flags except the one that keeps it
// offline. PROA_RUN=BOARD,… selects boards.
func TestRun(t *testing.T) {
	needs(t, "run")
	proa := command(t)
	all, err := boards.All()
	if err != nil {
		t.Fatal(err)
	}
	chosen := os.Getenv("PROA_RUN")
	for _, b := range all {
		if b.QEMU == "" || chosen != "" && !strings.Contains(","+chosen+",", ","+b.Name+",") {
			continue
		}
		t.Run(b.Name, func(t *testing.T) { proa.until(t, "ready after ", "run", b.Name, "--offline") })
	}
}

// TestRunImage: a disk written by flash, as a user does, is booted unchanged.
func TestRunImage(t *testing.T) {
	needs(t, "run")
	proa := command(t)
	key, err := remote.NewKey("e2e")
	if err != nil {
		t.Fatal(err)
	}
	disk, config := filepath.Join(t.TempDir(), "disk.img"), filepath.Join(t.TempDir(), "my.yaml")
	err = errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, diskSize), os.WriteFile(config, []byte(strings.ReplaceAll(gateConfig, "%KEY%", key.Authorized)), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	proa.until(t, "disk.img is ready to boot", "flash", "pc", disk, "--config", config, "--yes")
	proa.until(t, "mode=disk", "run", "pc", "--image", disk, "--offline")
}

// TestRunISO: the live image becomes Ready too, with a configuration that is put into it.
func TestRunISO(t *testing.T) {
	needs(t, "run")
	command(t).until(t, "ready after ", "run", "pc", "--iso", "--offline")
}

// cli is the path of the compiled command.
type cli string

func command(t *testing.T) cli {
	t.Helper()
	file := filepath.Join(t.TempDir(), "proa")
	cmd := exec.Command("go", "build", "-o", file, ".")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return cli(file)
}

// until runs the command until it prints text, and ends it with Ctrl-C, after which it must shut down in order.
func (c cli) until(t *testing.T, text string, args ...string) {
	t.Helper()
	log := consoleLog(t)
	cmd := exec.Command(string(c), args...)
	cmd.Dir, cmd.Stderr = "../..", log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(runBudget, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	began, seen := time.Now(), false
	lines := bufio.NewReader(io.TeeReader(out, log))
	for {
		line, err := lines.ReadString('\n')
		if !seen && strings.Contains(line, text) {
			seen = true
			t.Logf("%q after %.0f s", strings.TrimSpace(line), time.Since(began).Seconds())
			_ = cmd.Process.Signal(syscall.SIGINT) // it may have ended by itself
		}
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil || !seen {
		t.Errorf("proa %s: %v; %q seen: %t; out/e2e has the console", strings.Join(args, " "), err, text, seen)
	}
}
