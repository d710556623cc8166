// Package release says which version the sources are: git's description of them and the Kubernetes in
// go.mod. It tags nothing.
package release

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/proa-os/proa/build/command"
)

// Release is what an image says about itself: /usr/share/proa/release.json.
type Release struct {
	Version    string `json:"version"` // git describe, with -dirty
	Commit     string `json:"commit"`
	Kubernetes string `json:"kubernetes"`
	Layout     int    `json:"layout"`
	Board      any    `json:"board,omitempty"` // resolved
}

// Describe asks git and go.mod.
func Describe(ctx context.Context, repo string) (Release, error) {
	k8s, err := kubernetesVersion(filepath.Join(repo, "go.mod"))
	if err != nil {
		return Release{}, err
	}
	r := Release{Version: "unknown", Commit: "unknown", Kubernetes: k8s}
	describe, err := git(ctx, repo, "describe", "--tags", "--always", "--dirty", "--abbrev=12")
	if err != nil {
		return r, nil // an unpacked archive of the sources has no git; it builds all the same
	}
	commit, err := git(ctx, repo, "rev-parse", "HEAD")
	r.Version, r.Commit = strings.TrimSpace(string(describe)), strings.TrimSpace(string(commit))
	return r, err
}

// git reads none of the user's settings, of which one would have been to trust a clone that is another user's.
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

// OSRelease is the content of /usr/lib/os-release (man os-release); the kubelet shows its PRETTY_NAME.
func (r Release) OSRelease() []byte {
	return fmt.Appendf(nil, "NAME=proa\nID=proa\nVERSION_ID=%s\nPRETTY_NAME=\"proa %s\"\nHOME_URL=https://github.com/proa-os/proa\n",
		strings.ToLower(r.Version), r.Version)
}

// JSON is the content of the file.
func (r Release) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}
