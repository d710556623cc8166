package slotwrite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/init/slottrust"
	"golang.org/x/sys/unix"
)

func checkWrite(ctx context.Context, j *job) error {
	on, _, err := j.Slots.Trial()
	if err != nil {
		return err
	}
	other, err := j.Slots.Standing()
	switch {
	case err != nil:
		return err
	case on && other.Good:
		return fmt.Errorf("slot %s is on trial, and slot %s is its fallback; wait until `proa status` says good, or run `proa slot rollback`", j.Slots.Current(), j.slot)
	}
	if err := checkFit(ctx, j); err != nil {
		return err
	}
	return j.Slots.Files(j.slot, false, j.checkRoom)
}

// checkFit compares the slot file with this machine.
func checkFit(_ context.Context, j *job) error {
	if j.m.Board != j.Board {
		return fmt.Errorf("the slot file is for the board %s, this machine is %s", j.m.Board, j.Board)
	}
	if j.m.Layout != layout.Version {
		return fmt.Errorf("the slot file is for disk layout %d, this disk has layout %d; a release that moves partitions (migrates: [%[2]d]) must be taken first, or flash the disk again", j.m.Layout, layout.Version)
	}
	dev, err := openDevice(j.Device, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer dev.Close()
	size, err := dev.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for _, f := range j.m.Files {
		if j.late(f) && f.Size > slotfile.MaxScript {
			return fmt.Errorf("%s has %d bytes, and %d at most are kept in memory", f.Name, f.Size, slotfile.MaxScript)
		}
	}
	if j.m.Root.Size > size {
		return fmt.Errorf("%s of %d bytes does not fit into %s of %d", slotfile.RootName, j.m.Root.Size, j.Device, size)
	}
	return nil
}

// checkRoom checks whether the boot files fit once the existing ones are removed. The directory may not exist yet.
func (j *job) checkRoom(dir string) error {
	const cluster = 32 << 10 // maximum cluster size of FAT32: what a small file may use
	var need, have int64
	for _, f := range j.m.Files {
		if _, ok := f.For(j.slot); ok {
			need += f.Size + cluster
		}
	}
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			have += info.Size()
		}
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		dir, err = filepath.Dir(filepath.Dir(dir)), nil
	}
	var st unix.Statfs_t
	if err := errors.Join(err, unix.Statfs(dir, &st)); err != nil {
		return fmt.Errorf("room on the boot partition: %w", err)
	}
	if have += int64(st.Bavail) * int64(st.Bsize); need > have {
		return fmt.Errorf("the boot files need %d bytes, and the boot partition has room for %d", need, have)
	}
	return nil
}

func checkTry(_ context.Context, j *job) error {
	on, _, err := j.Slots.Trial()
	other, standing := j.Slots.Standing()
	switch {
	case err != nil || !on:
	case standing == nil && !other.Good:
		err = fmt.Errorf("the running slot %s is not good yet, and a trial needs a good slot to fall back to; `proa status` says what is missing", j.Slots.Current())
	default:
		err = fmt.Errorf("slot %s is on trial itself; `proa slot rollback` goes back to slot %s", j.Slots.Current(), j.slot)
	}
	return err
}

func readManifest(_ context.Context, j *job) error {
	return j.Slots.Files(j.slot, false, func(dir string) error {
		f, err := slottrust.Read(dir)
		j.m, j.text, j.sig = f.Manifest, f.Text, f.Sig
		return err
	})
}

// checkSignature is the first check of what somebody sends: nothing else of it is looked at before.
func checkSignature(_ context.Context, j *job) error {
	err := j.Trust.Check(j.text, j.sig)
	if errors.Is(err, slotsig.ErrRefused) {
		return fmt.Errorf("%w; take a slot that was built with the keys of this machine's image", err)
	}
	return err
}

func needManifest(ctx context.Context, j *job) error {
	err := readManifest(ctx, j)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("slot %s was never written completely; write it first: proa slot write %[1]s FILE", j.slot)
	}
	return err
}
