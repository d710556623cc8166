// Package releasefile is what a root image says about itself: release.json for proa and the runtime, os-release for everything else. The
// build writes it, init and k3s read it. It refuses to find out which version the sources are.
package releasefile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// Path is where release.json lies in the root image.
	Path = "/usr/share/proa/release.json"
	// OSPath is where os-release lies (man os-release).
	OSPath = "/usr/lib/os-release"
)

// Release is the content of release.json.
type Release struct {
	Version    string `json:"version"` // git describe, with -dirty
	Commit     string `json:"commit"`
	Kubernetes string `json:"kubernetes"`
	Layout     int    `json:"layout"`
	Board      any    `json:"board,omitempty"` // resolved
}

// JSON is release.json.
func (r Release) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// OSRelease is os-release; the kubelet shows its PRETTY_NAME.
func (r Release) OSRelease() []byte {
	return fmt.Appendf(nil, "NAME=proa\nID=proa\nVERSION_ID=%s\nPRETTY_NAME=\"proa %s\"\nHOME_URL=https://github.com/proa-os/proa\n",
		strings.ToLower(r.Version), r.Version)
}

// Read reads a release.json. What it does not say, or all of it where there is none, is unknown: a program without a version is better
// than none.
func Read(file, unknown string) Release {
	r := Release{Version: unknown, Commit: unknown, Kubernetes: unknown}
	if b, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(b, &r)
	}
	return r
}

// Built is when the image whose root is at root was built: the date of its release.json. No moment before it can be now. Zero where there
// is none.
func Built(root string) time.Time {
	info, err := os.Stat(filepath.Join(root, Path))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
