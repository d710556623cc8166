// Package releasing makes a release of slot files: a directory that any static file server serves, or one file with the
// same content (docs/release.md). Payloads are written before the metadata that names them, and timestamp.json last, so
// that a device sees the old repository or the new one. The same slot files give the same payloads.
//
// It refuses slots that are not signed by the keys that sign the release, a version that was released with other contents,
// and payloads of which a device would not make the slot: each is assembled once as a device does it.
package releasing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/releasemeta"
)

// Options are what a release says, and where it goes.
type Options struct {
	Out     string   // directory
	Bundle  string   // file with the same content; "": none
	Version string   // that the slot files must have; "": whatever they have
	From    []string // earlier releases beside those in Out: directories of releases, or slot files
	// Least is the least version to come from, Stones the versions to go through.
	Least  string
	Stones []string
	Waves  []releasemeta.Wave
	// Sequence orders releases; 0: what the slot says, or one more than the highest in Out, whichever is more.
	Sequence int64
	// Patches is how many patches a release has at most, from the newest older releases; 0: DefaultPatches, negative: none.
	Patches int
	Valid   time.Duration // of the timestamp; 0: as tufrepo has it
	Ring    *keys.Ring
	Now     time.Time
	Show    Show
}

// Show is told about work that takes long; build/progress has it.
type Show interface {
	Start(step string, why []string)
	Progress(step string, done, total int64)
	Done(step string, took time.Duration, err error)
}

// Made is one file of a release.
type Made struct {
	Path  string // of the target
	Bytes int64
	Kept  bool // it was there
}

// job is one run.
type job struct {
	Options
	ctx  context.Context
	repo *tufrepo.Repo
	made []Made
}

// Run adds slot files to the release in a directory. Without slot files it signs the metadata again.
func Run(ctx context.Context, o Options, files []string) ([]Made, error) {
	j := &job{Options: o, ctx: ctx}
	var err error
	if j.repo, err = tufrepo.Open(o.Out, o.Ring); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Out, err)
	}
	if len(files) == 0 && len(j.repo.Targets()) == 0 {
		return nil, errors.New("no slot files: name what `proa build BOARD slot` has made")
	}
	if o.Valid > 0 {
		j.repo.Periods.Timestamp = o.Valid
	}
	if err := j.ready(); err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := j.add(file); err != nil {
			return j.made, fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := j.repo.Publish(o.Now); err != nil {
		return j.made, err
	}
	if err := j.sweep(); err != nil {
		return j.made, err
	}
	if o.Bundle == "" {
		return j.made, nil
	}
	return j.made, j.bundle()
}

// add adds one slot file.
func (j *job) add(file string) error {
	s, err := OpenSlot(file)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := j.accept(s); err != nil {
		return err
	}
	custom, err := j.describe(s)
	if err != nil {
		return err
	}
	earlier, err := j.earlier(s, custom.Sequence)
	if err != nil {
		return err
	}
	c, err := s.Contents()
	if err != nil {
		return err
	}
	if err := j.payload(s, c, nil); err != nil {
		return err
	}
	if err := j.patches(s, c, earlier); err != nil {
		return err
	}
	if err := j.copySlot(s, file); err != nil {
		return err
	}
	return j.manifest(s, custom)
}

// accept refuses slots that devices with the release's keys would refuse.
func (j *job) accept(s *Slot) error {
	if j.Version != "" && s.Manifest.Version != j.Version {
		return fmt.Errorf("it is of version %s, and --version says %s", s.Manifest.Version, j.Version)
	}
	k, err := j.Ring.SlotKeys()
	if err != nil {
		return err
	}
	if err := k.Verify(s.Text, s.Sig); err != nil {
		return fmt.Errorf("%w\nhint: build it with the same keys: proa build %s slot --keys %s", err, s.Manifest.Board, j.Ring.Dir)
	}
	return nil
}

func (j *job) target(s *Slot, name string) string {
	return releasemeta.Path(s.Manifest.Board, s.Manifest.Version, name)
}

// listed returns a target that was published.
func (j *job) listed(target string) *tufrepo.Listed {
	for _, t := range j.repo.Targets() {
		if t.Path == target {
			return &t
		}
	}
	return nil
}

// slotName is the name of the target that has the slot file itself.
const slotName = releasemeta.SlotName

// name of a payload file, and the step that makes it.
func payloadName(old *Slot) (name, step string) {
	if old == nil {
		return payload.Full, payload.Full
	}
	return payload.Patch(old.Manifest.Root.Hash), "patch from " + old.Manifest.Version
}
