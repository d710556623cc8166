package recipe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command is one foreign program to run.
type command struct {
	dir   string
	env   []string // added to the clean environment
	stdin io.Reader
	argv  []string
}

// run runs the program and returns what it printed. It gets a clean environment: what a user exported
// must not change bytes. On cancellation the whole process group is asked to stop, then killed.
func (c command) run(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir, cmd.Stdin = c.dir, c.stdin
	cmd.Env = append(cleanEnv(os.Environ()), c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%s: %w\n%s", filepath.Base(c.argv[0]), err, tail(stderr.String()+stdout.String(), 40))
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
