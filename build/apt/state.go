// Package apt uses the host's apt for packages of Debian trixie without touching the host: lists, caches and status are
// in a private directory per architecture. apt verifies the signatures of the archive; this package verifies every file
// against the lock. It installs nothing, runs no maintainer scripts, needs no root, and uses no mirror that the host is
// not configured with.
package apt

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/proa-os/proa/build/command"
)

// Suite is the Debian release all packages come from.
const Suite = "trixie"

// State is a private apt directory for one architecture.
type State struct {
	dir, arch string
	sources   []source
	update    sync.Once
	updateErr error
}

// Open writes the configuration of a state directory; it contacts no server.
func Open(ctx context.Context, dir, arch string) (*State, error) {
	s := &State{dir: filepath.Join(dir, arch), arch: arch}
	for _, sub := range []string{"lists/partial", "cache/archives/partial", "etc"} {
		if err := os.MkdirAll(filepath.Join(s.dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	var err error
	if s.sources, err = sources(ctx); err != nil {
		return nil, err
	}
	keys, err := keyring()
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"etc/sources.list": sourcesList(s.sources, arch, keys),
		"apt.conf":         s.config(),
		"status":           "",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// config is passed by -c and so read last: the host's proxies stay; its directories, hooks, preferences and trusted
// keys do not. The sandbox user is disabled, because it could not write to a home directory.
func (s *State) config() string {
	return strings.NewReplacer("ARCH", s.arch, "DIR", s.dir).Replace(`#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "ARCH";
APT::Architectures { "ARCH"; };
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Default-Release "";
APT::Get::AllowUnauthenticated "false";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Dir "/";
RootDir "/";
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::State "DIR";
Dir::State::lists "DIR/lists";
Dir::State::status "DIR/status";
Dir::Cache "DIR/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::sourcelist "DIR/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "/dev/null";
`)
}

// Update fetches the package lists, once per process.
func (s *State) Update(ctx context.Context) error {
	s.update.Do(func() {
		_, s.updateErr = s.run(ctx, "", "apt-get", "update", "-qq", "--error-on=any")
	})
	return s.updateErr
}

// run runs an apt tool in dir and returns what it printed.
func (s *State) run(ctx context.Context, dir string, tool string, args ...string) ([]byte, error) {
	return output(ctx, dir, tool, append([]string{"-c", filepath.Join(s.dir, "apt.conf")}, args...)...)
}

func output(ctx context.Context, dir, tool string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, tool, args...)
	// On SIGTERM apt keeps partial downloads and resumes them next time.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Dir = dir
	cmd.Env = append(command.Env(), "DEBIAN_FRONTEND=noninteractive")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%s %s: %w\n%s", tool, verb(args), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}

// verb is the first argument that is no option, for messages.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		if args[i] == "-c" {
			i++
		} else if !strings.HasPrefix(args[i], "-") {
			return args[i]
		}
	}
	return ""
}
