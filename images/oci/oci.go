// Package oci writes container images as OCI layout tars that containerd imports.
package oci

import (
	"errors"
	"io"
	"time"

	"github.com/proa-os/proa/images/tree"
)

// Image is one single-layer container image.
type Image struct {
	Name       string // with tag: "proa.local/coredns:v1.13.1"
	Arch       string // GOARCH; "arm" is ARMv7
	Entrypoint []string
	Cmd        []string
	Env        []string
	User       string
	WorkingDir string
	Labels     map[string]string
	Entries    []tree.Entry
	When       time.Time
}

// Write writes the archive.
func Write(w io.Writer, img Image) error { return errTodo }

var errTodo = errors.New("todo")
