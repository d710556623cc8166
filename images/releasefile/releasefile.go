// Package releasefile has the files that describe a root image: release.json for proa and the runtime, os-release for
// other programs. The build writes them; init and k3s read them. It does not determine the version (build/release).
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
	// Path is the path of release.json in the root image.
	Path = "/usr/share/proa/release.json"
	// OSPath is the path of os-release (os-release(5)).
	OSPath = "/usr/lib/os-release"
)

// Release is the content of release.json.
type Release struct {
	Version    string `json:"version"` // git describe, with -dirty
	Commit     string `json:"commit"`
	Kubernetes string `json:"kubernetes"`
	Layout     int    `json:"layout"`
	// Sequence is the time of the commit in seconds: a machine takes no release with a lower one by itself. 0: not known.
	Sequence int64 `json:"sequence,omitempty"`
	Board    any   `json:"board,omitempty"` // resolved
}

// JSON returns the content of release.json.
func (r Release) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// OSRelease returns the content of os-release; the kubelet reports its PRETTY_NAME.
func (r Release) OSRelease() []byte {
	return fmt.Appendf(nil, "NAME=proa\nID=proa\nVERSION_ID=%s\nPRETTY_NAME=\"proa %s\"\nHOME_URL=https://github.com/proa-os/proa\n",
		strings.ToLower(r.Version), r.Version)
}

// Read reads a release.json. Missing fields, and all of them if the file cannot be read, are set to unknown: a missing
// version must not prevent a boot.
func Read(file, unknown string) Release {
	r := Release{Version: unknown, Commit: unknown, Kubernetes: unknown}
	_ = r.load(file)
	return r
}

// Load reads a release.json, for whoever must not take a file that cannot be read for one that says nothing.
func Load(file string) (r Release, err error) {
	err = r.load(file)
	return r, err
}

func (r *Release) load(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, r); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// Built returns the build time of the image mounted at root, from the modification time of release.json. The current time
// cannot be earlier. It is zero if there is no such file.
func Built(root string) time.Time {
	info, err := os.Stat(filepath.Join(root, Path))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
