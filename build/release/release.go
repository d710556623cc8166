// Package release determines the version of the sources: git describe, and the Kubernetes version in go.mod.
package release

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/images/releasefile"
)

// Describe runs git describe and reads go.mod.
func Describe(ctx context.Context, repo string) (releasefile.Release, error) {
	k8s, err := kubernetesVersion(filepath.Join(repo, "go.mod"))
	if err != nil {
		return releasefile.Release{}, err
	}
	r := releasefile.Release{Version: "unknown", Commit: "unknown", Kubernetes: k8s}
	describe, err := git(ctx, repo, "describe", "--tags", "--always", "--dirty", "--abbrev=12")
	if err != nil {
		return r, nil // an unpacked source archive has no git; it builds nevertheless
	}
	head, err := git(ctx, repo, "log", "-1", "--no-show-signature", "--format=%H %ct", "HEAD")
	if err != nil {
		return r, err
	}
	r.Version = strings.TrimSpace(string(describe))
	if _, err := fmt.Sscanf(string(head), "%s %d", &r.Commit, &r.Sequence); err != nil {
		return r, fmt.Errorf("git log: %q: %w", head, err)
	}
	return r, nil
}

// git runs git without any of the user's settings, so safe.directory is set here for a clone that another user owns.
func git(ctx context.Context, repo string, args ...string) ([]byte, error) {
	return command.Command{Dir: repo, Argv: append([]string{"git", "-c", "safe.directory=*"}, args...)}.Run(ctx)
}

var kubernetesLine = regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes (v\S+)`)

func kubernetesVersion(gomod string) (string, error) {
	b, err := os.ReadFile(gomod)
	if err != nil {
		return "", err
	}
	m := kubernetesLine.FindSubmatch(b)
	if m == nil {
		return "", fmt.Errorf("%s: no k8s.io/kubernetes", gomod)
	}
	return string(m[1]), nil
}
