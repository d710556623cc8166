package install

import (
	"context"
	"fmt"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/layout"
)

// after is the state of the disk after a failed step.
type after string

const (
	asBefore   after = "was not changed"
	broken     after = "is erased in part and does not boot; run the installer again"
	brokenKept after = "does not boot, its data partition is as it was; run the installer again with the same choice"
)

type row struct {
	name  string
	run   func(context.Context, *Job) error
	limit time.Duration
	after after
}

// list makes the disk unbootable first and bootable last. The limits are for slow media: writing has none, because it
// ends with an error or goes on.
var list = []row{
	{"medium", readMedium, 0, asBefore},
	{"disk", openDisk, time.Minute, asBefore},
	{"unboot", unboot, 0, broken},
	{"erase", erase, 0, broken},
	{"write", writeAll, 0, broken},
	{"read-back", readBack, 0, broken},
	{"enable", enable, 0, broken},
	{"read-back-table", readBackHeld, 0, broken},
}

// steps returns rows that are not begun once the caller has given up.
func steps(*Job) (out []step.Step[*Job]) {
	for _, s := range list {
		out = append(out, step.Step[*Job]{Name: s.name, Policy: step.Halt, Limit: s.limit, Func: func(ctx context.Context, j *Job) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return s.run(ctx, j)
		}})
	}
	return out
}

func readMedium(_ context.Context, j *Job) (err error) {
	j.tick("read the medium", 0, j.Medium.Size())
	j.image, err = j.Medium.Image(j.Config)
	return err
}

func openDisk(_ context.Context, j *Job) (err error) {
	open := j.Open
	if open == nil {
		open = Open
	}
	if j.dev, err = open(j.Path); err != nil {
		return err
	}
	if j.size, err = j.dev.Size(); err != nil {
		return err
	}
	if j.table, err = Plan(j.Medium.Kit.Spec, j.size); err != nil {
		return err
	}
	if j.Keep {
		if err := Keeps(j.dev, j.size, j.Medium.Kit.Spec); err != nil {
			return fmt.Errorf("the data cannot be kept: %w", err)
		}
	}
	j.held, err = hold(j.dev, j.size, j.table)
	return err
}

// Keeps says why a disk has no data partition that a new installation could keep: every partition must be where this
// system would make it.
func Keeps(d gpt.Disk, size int64, spec layout.Spec) error {
	want, err := Plan(spec, size)
	if err != nil {
		return err
	}
	have, _, err := gpt.Read(d, size)
	if err != nil {
		return fmt.Errorf("it has no partition table of proa: %w", err)
	}
	if len(have) != len(want) {
		return fmt.Errorf("it has %d partitions, proa's layout has %d", len(have), len(want))
	}
	for i, p := range want {
		q := have[i]
		if q.Name != p.Name || q.Start != p.Start || p.Role != layout.Data && q.Size != p.Size || q.Blank {
			return fmt.Errorf("partition %d is not proa's %s, or is elsewhere or empty", q.Index, p.Name)
		}
	}
	return nil
}

// unboot makes the disk unbootable at once: no boot code in the MBR, no file system in the boot partition. Unless data
// is kept, there is no partition table from here on either.
func unboot(_ context.Context, j *Job) error {
	return j.held.clear(j.Keep)
}

// erase makes the partitions zero, which disk.Write expects: it leaves holes.
func erase(ctx context.Context, j *Job) error {
	last := j.fresh()[len(j.fresh())-1]
	from, to := j.table[0].Start, last.Start+last.Size
	const part = 16 << 20
	for at := from; at < to; at += part {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(part, to-at)
		if err := j.dev.Zero(at, n); err != nil {
			return j.failed("erase", at, n, err)
		}
		j.tick("erase", at+n-from, to-from)
	}
	return j.dev.Sync()
}

func writeAll(ctx context.Context, j *Job) error {
	w := &flushed{ctx: ctx, job: j}
	j.held.Device = w
	defer func() { j.held.Device = j.dev }()
	if err := j.write(j.held); err != nil {
		return err
	}
	return w.flush()
}

func readBack(ctx context.Context, j *Job) error {
	if err := j.dev.Drop(); err != nil {
		return err
	}
	again, err := hold(nil, j.size, j.table)
	if err != nil {
		return err
	}
	c := &compared{ctx: ctx, job: j}
	again.Device = c
	if err := j.write(again); err != nil {
		return err
	}
	boot, err := j.table.Find(layout.Boot, layout.Shared)
	if err != nil {
		return err
	}
	return c.zeros(boot.Start+layout.Sector, boot.Start+boot.Size)
}

func enable(_ context.Context, j *Job) error { return j.held.commit(j.Keep) }

func readBackHeld(_ context.Context, j *Job) error {
	if err := j.dev.Drop(); err != nil {
		return err
	}
	return j.held.check(j.Keep)
}

func (j *Job) failed(what string, at, n int64, err error) error {
	return fmt.Errorf("%s %s from byte %d to %d: %w", what, j.Path, at, at+n, err)
}
