// Package command runs foreign programs in a clean environment and stops them, with their children, when
// it is told to. What a user exported must not change bytes.
package command

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Command is one foreign program to run.
type Command struct {
	Dir  string
	Env  []string // added to the clean environment
	Argv []string
}

// Run runs the program and returns what it printed. On cancellation the whole process group is asked to stop, then killed.
func (c Command) Run(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(cleanEnv(os.Environ()), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(c.Argv[0]), err, tail(stderr.String()+stdout.String(), 40))
	}
	return stdout.Bytes(), nil
}

// kept are the variables that say where things are, not what they should be.
var kept = []string{"PATH", "HOME", "USER", "TMPDIR", "XDG_CACHE_HOME", "GOPATH", "GOMODCACHE", "GOCACHE", "GOROOT", "GOTOOLCHAIN",
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOAUTH", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}

func cleanEnv(env []string) []string {
	out := []string{"LC_ALL=C", "TZ=UTC"}
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		for _, k := range kept {
			if name == k {
				out = append(out, kv)
			}
		}
	}
	return out
}

// tail keeps the last lines: compilers put the cause at the end.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = append([]string{"…"}, lines[len(lines)-n:]...)
	}
	return strings.Join(lines, "\n")
}
