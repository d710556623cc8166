// Package install writes this system to a disk, as a literal list of steps (steps.go). It refuses disks that are too
// small, in use or read-only, and a medium that is damaged. Until everything was written and read back, the disk does
// not boot: what makes it boot is written last (held.go). It asks nobody and restarts nothing.
package install

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/diskimage"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/install/medium"
)

// Job is one installation.
type Job struct {
	Medium medium.Medium
	Path   string // of the disk, or of a file in its place
	Config []byte // config.yaml of the new system
	// Keep leaves the data partition as it is. Then the disk must have this layout.
	Keep bool
	// Progress is called in steps that take long; it may be nil.
	Progress func(step string, done, total int64)
	// Open opens the disk; nil: Open of this package.
	Open func(path string) (Device, error)

	dev   Device
	size  int64
	table layout.Table
	image diskimage.Image
	held  *held
}

// Plan returns the partitions on a disk of size bytes.
func Plan(spec layout.Spec, size int64) (layout.Table, error) {
	table, err := spec.Fit(size)
	if err != nil || size < Need(spec) {
		return nil, fmt.Errorf("the disk has %d bytes, at least %d are needed", size, Need(spec))
	}
	return table, nil
}

// minData is what must be left for data. A cluster needs more: Comfortable.
const (
	minData     = 1 << 30
	Comfortable = 8 << 30
)

// Need is the smallest disk in bytes.
func Need(spec layout.Spec) int64 { return spec.ImageSize() + minData }

// Run installs. An error says in which state the disk is.
func (j *Job) Run(ctx context.Context) error {
	began := time.Now()
	r := step.Runner{List: "install", Clock: func() time.Duration { return time.Since(began) }}
	results, err := step.Run(ctx, r, steps(j), j)
	if j.dev != nil {
		err = errors.Join(err, j.dev.Close())
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("stopped")
	}
	state := list[len(results)-1].after
	if j.Keep && state == broken {
		state = brokenKept
	}
	return fmt.Errorf("%w\n%s %s", err, j.Path, state)
}

func (j *Job) tick(what string, done, total int64) {
	if j.Progress != nil {
		j.Progress(what, min(done, total), total)
	}
}

// write makes the disk's content on img.
func (j *Job) write(img disk.Image) error {
	contents, err := j.image.Contents(j.table)
	if err != nil {
		return err
	}
	return disk.Write(img, j.size, j.fresh(), contents, nil)
}

// fresh is the table of a new disk: the data partition is made by the device.
func (j *Job) fresh() (t layout.Table) {
	for _, p := range j.table {
		if p.Role != layout.Data {
			t = append(t, p)
		}
	}
	return t
}
