package slotwrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/upgrade/faults"
)

// after is the state of the slot after a failed step.
type after string

const (
	asBefore after = "as it was"
	notWhole after = "incomplete and cannot be booted; run the same command again"
	ready    after = "ready nevertheless"
	damaged  after = "not tried; write it again: proa slot write SLOT FILE"
)

func (a after) say(s layout.Slot) string {
	if a == asBefore {
		return ""
	}
	return fmt.Sprintf("\nslot %s is %s", s, a)
}

// row is one row. The limit starts again with each part that is read or written: it ends what hangs, not what is slow.
type row struct {
	name   string
	run    func(context.Context, *job) error
	policy step.Policy
	limit  time.Duration
	after  after
}

// writing makes the slot unbootable first and bootable last.
var writing = []row{
	{"signature", checkSignature, step.Halt, patience, asBefore},
	{"check", checkWrite, step.Halt, patience, asBefore},
	{"clear", clearSlot, step.Halt, patience, notWhole},
	{"boot-files", writeBoot, step.Halt, patience, notWhole},
	{"root", writeRoot, step.Halt, patience, notWhole},
	{"end", readEnd, step.Halt, patience, notWhole},
	{"read-back-boot", hashBoot, step.Halt, patience, notWhole},
	{"read-back-root", hashRoot, step.Halt, patience, notWhole},
	{"verity", checkVerity, step.Halt, patience, notWhole},
	{"keep-manifest", keepManifest, step.Halt, patience, notWhole},
	{"enable", enable, step.Halt, patience, notWhole},
	{"renew", renew, step.Halt, patience, ready},
}

// trying verifies everything again: the slot may have been written long ago.
var trying = []row{
	{"check", checkTry, step.Halt, patience, asBefore},
	{"manifest", needManifest, step.Halt, patience, asBefore},
	{"signature", checkSignature, step.Halt, patience, damaged},
	{"fit", checkFit, step.Halt, patience, damaged},
	{"boot-files", hashAll, step.Halt, patience, damaged},
	{"root", hashRoot, step.Halt, patience, damaged},
	{"verity", checkVerity, step.Halt, patience, damaged},
	{"try", try, step.Halt, patience, asBefore},
	{"renew", renew, step.Halt, patience, ready},
}

// looking verifies what can be verified without reading the whole root: the boot files, and the first blocks of the
// hash tree.
var looking = []row{
	{"manifest", needManifest, step.Halt, patience, asBefore},
	{"signature", checkSignature, step.Halt, patience, asBefore},
	{"fit", checkFit, step.Halt, patience, asBefore},
	{"boot-files", hashAll, step.Halt, patience, asBefore},
	{"verity", checkVerity, step.Halt, patience, asBefore},
}

// patience is how long the medium, or who sends the slot file, may be silent.
const patience = 10 * time.Minute

// run runs one list. An error says in which state the slot is.
func (j *job) run(ctx context.Context, name string, list []row) error {
	r := step.Runner{List: name, Clock: j.clock(), Bounded: true}
	results, err := step.Run(ctx, r, steps(list), j)
	if j.Timeline != nil {
		j.Timeline(results)
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, slot.ErrNotGood) {
		return fmt.Errorf("%w; wait until `proa status` says good", err)
	}
	state := list[len(results)-1].after // the last result is of the step that failed
	err = fmt.Errorf("%w%s", err, state.say(j.slot))
	if state == damaged && !errors.Is(err, errStopped) {
		err = damage{err}
	}
	return err
}

// ErrDamaged is what errors of Try are if the other slot is not what its manifest says, or cannot be read.
var ErrDamaged = errors.New("the slot is damaged")

type damage struct{ error }

func (d damage) Unwrap() error        { return d.error }
func (d damage) Is(target error) bool { return target == ErrDamaged }

// steps returns rows that are not begun once the caller has given up.
func steps(list []row) (out []step.Step[*job]) {
	for _, s := range list {
		out = append(out, step.Step[*job]{Name: s.name, Policy: s.policy, Limit: s.limit, Func: func(ctx context.Context, j *job) error {
			j.ctx = ctx
			err := ctx.Err()
			if err == nil {
				err = s.run(ctx, j)
			}
			if errors.Is(err, context.Canceled) {
				err = errStopped
			}
			if err == nil {
				faults.At("slot: " + s.name)
			}
			return err
		}})
	}
	return out
}

func clearSlot(_ context.Context, j *job) error { return j.Slots.Clear() }

func try(_ context.Context, j *job) error { return j.Slots.Try() }

func renew(_ context.Context, j *job) error {
	if j.Renew == nil {
		return nil
	}
	return j.Renew()
}

// writeBoot writes the boot files as they arrive. Those that make the slot bootable are kept in memory until the end.
func writeBoot(ctx context.Context, j *job) error {
	return j.Slots.Files(j.slot, true, func(dir string) error {
		for _, f := range j.m.Files {
			if err := j.take(ctx, dir, f); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
		return nil
	})
}

func (j *job) take(ctx context.Context, dir string, f slotfile.File) (err error) {
	name, ok := f.For(j.slot)
	switch {
	case !ok:
		return nil // of the other slot, or the root image
	case j.late(f):
		j.scripts[name], err = keep(ctx, j.from, f)
		return err
	}
	return writeFile(filepath.Join(dir, name), &content{ctx: ctx, from: j.from, file: f})
}

// late says whether a file is written only after everything else has been verified.
func (j *job) late(f slotfile.File) bool {
	name, ok := f.For(j.slot)
	return ok && (f.Script() || slot.Starts(name))
}

func writeRoot(ctx context.Context, j *job) error {
	root := j.rootImage()
	there, err := j.verified(ctx, root)
	if err != nil {
		return err
	}
	// The medium is written in whole chunks: what is right of the first one is written again from what is there.
	begin := there.size / chunk * chunk
	in := io.MultiReader(bytes.NewReader(there.last), &content{ctx: ctx, from: j.from, file: root, at: there.size})
	return copyTo(j.Device, in, begin, root.Size, func(done int64) { j.tick("write "+slotfile.RootName, done, root.Size) })
}

// left is what an interrupted write left of the root.
type left struct {
	size int64  // bytes that are right
	last []byte // those of the last chunk, if not all of it is right
}

// verified returns what is right of the root after an interrupted write.
func (j *job) verified(ctx context.Context, root slotfile.File) (l left, err error) {
	from, ok := j.from.(Resumer)
	if !ok {
		return l, nil
	}
	dev, err := openDevice(j.Device, os.O_RDONLY)
	if err != nil {
		return l, err
	}
	defer dev.Close()
	n, err := from.Verified(ctx, root, dev)
	if err != nil {
		return l, err
	}
	l.size = min(max(n, 0), root.Size)
	l.last = make([]byte, l.size%chunk)
	_, err = io.ReadFull(io.NewSectionReader(dev, l.size-int64(len(l.last)), int64(len(l.last))), l.last)
	return l, err
}

// readEnd makes sure that the source is complete.
func readEnd(ctx context.Context, j *job) error { return j.from.End(ctx) }

func keepManifest(_ context.Context, j *job) error {
	return j.Slots.Files(j.slot, true, func(dir string) error {
		// The manifest is last: without it the slot counts as half-written.
		if err := writeBytes(filepath.Join(dir, slotsig.Name), j.sig); err != nil {
			return err
		}
		return writeBytes(filepath.Join(dir, slotfile.ManifestName), j.text)
	})
}

func enable(_ context.Context, j *job) error {
	return j.Slots.Enable(slot.Entry{Title: slotfile.Title(j.m.Version),
		Cmdline: cmdline.OfSlot(j.m.Cmdline, j.slot), Scripts: j.scripts})
}
