package slotwrite

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slot"
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

// step is one row.
type step struct {
	name  string
	run   func(context.Context, *job) error
	after after
}

// writing makes the slot unbootable first and bootable last.
var writing = []step{
	{"check", checkWrite, asBefore},
	{"clear", clearSlot, notWhole},
	{"boot-files", writeBoot, notWhole},
	{"root", writeRoot, notWhole},
	{"end", readEnd, notWhole},
	{"read-back-boot", hashBoot, notWhole},
	{"read-back-root", hashRoot, notWhole},
	{"verity", checkVerity, notWhole},
	{"keep-manifest", keepManifest, notWhole},
	{"enable", enable, notWhole},
	{"renew", renew, ready},
}

// trying verifies everything again: the slot may have been written long ago.
var trying = []step{
	{"check", checkTry, asBefore},
	{"manifest", needManifest, asBefore},
	{"fit", checkFit, damaged},
	{"boot-files", hashAll, damaged},
	{"root", hashRoot, damaged},
	{"verity", checkVerity, damaged},
	{"try", func(_ context.Context, j *job) error { return j.Slots.Try() }, asBefore},
	{"renew", renew, ready},
}

// looking verifies what can be verified without reading the whole root: the boot files, and the first blocks of the
// hash tree.
var looking = []step{
	{"manifest", needManifest, asBefore},
	{"fit", checkFit, asBefore},
	{"boot-files", hashAll, asBefore},
	{"verity", checkVerity, asBefore},
}

func clearSlot(_ context.Context, j *job) error { return j.Slots.Clear() }

func renew(_ context.Context, j *job) error {
	if j.Renew == nil {
		return nil
	}
	return j.Renew()
}

// writeBoot writes the boot files as they arrive. Those that make the slot bootable are kept in memory until the end.
func writeBoot(_ context.Context, j *job) error {
	return j.Slots.Files(j.slot, true, func(dir string) error {
		for {
			e, err := j.in.Next()
			if err != nil || e.Name == slotfile.RootName { // root.img is the last entry
				j.root = e
				return err
			}
			if err := j.take(dir, e); err != nil {
				return fmt.Errorf("%s: %w", e.Name, err)
			}
		}
	})
}

func (j *job) take(dir string, e *slotfile.Entry) (err error) {
	name, ok := e.For(j.slot)
	switch {
	case !ok:
		return nil // Next skips the content
	case j.late(e.File):
		j.scripts[name], err = io.ReadAll(e)
		return err
	}
	return writeFile(filepath.Join(dir, name), e)
}

// late says whether a file is written only after everything else has been verified.
func (j *job) late(f slotfile.File) bool {
	name, ok := f.For(j.slot)
	return ok && (f.Script() || slot.Starts(name))
}

func writeRoot(_ context.Context, j *job) error {
	return copyTo(j.Device, j.root, j.root.Size, func(done int64) { j.tick("write "+slotfile.RootName, done, j.root.Size) })
}

// readEnd reads to the end of the slot file, which verifies that it is complete.
func readEnd(_ context.Context, j *job) error {
	_, err := j.in.Next()
	return err
}

// hashBoot verifies the boot files that are written so far.
func hashBoot(ctx context.Context, j *job) error {
	return j.hashFiles(ctx, func(f slotfile.File) bool { return !j.late(f) })
}

func hashAll(ctx context.Context, j *job) error {
	return j.hashFiles(ctx, func(slotfile.File) bool { return true })
}

func (j *job) hashFiles(ctx context.Context, want func(slotfile.File) bool) error {
	return j.Slots.Files(j.slot, false, func(dir string) error {
		for _, f := range j.m.Files {
			name, ok := f.For(j.slot)
			if !ok || !want(f) {
				continue
			}
			if err := checkFile(ctx, filepath.Join(dir, name), f); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

func hashRoot(ctx context.Context, j *job) error {
	root := j.m.Files[len(j.m.Files)-1] // ParseManifest has checked that it is the last
	return checkSum(ctx, j.Device, root, func(done int64) { j.tick("check "+slotfile.RootName, done, root.Size) })
}

func keepManifest(_ context.Context, j *job) error {
	return j.Slots.Files(j.slot, true, func(dir string) error {
		return writeBytes(filepath.Join(dir, slotfile.ManifestName), j.in.Raw)
	})
}

func enable(_ context.Context, j *job) error {
	return j.Slots.Enable(slot.Entry{Title: "proa " + j.m.Version, Cmdline: j.m.Cmdline + " proa.slot=" + string(j.slot), Scripts: j.scripts})
}
