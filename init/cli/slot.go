package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/meter"
	"github.com/proa-os/proa/init/slotwrite"
)

const slotWriteHelp = `
The slot is made unbootable first. Then the file is written, everything is read back from the medium and verified, and only then
the slot is made bootable again. It is not booted before "proa slot try". If the write fails, the running slot still boots; run the
same command again. FILE - reads the file from standard input, so that nothing has to be stored on the node. A write that makes no
progress for 10 minutes is ended.

Examples:
  proa slot write b /var/tmp/proa-pc.slot
  ssh root@NODE proa slot write b - < proa-pc.slot
`

const slotTryHelp = `
Every file of the slot and its root image are verified again. After the restart the slot has three tries to pass its health check;
if all of them fail, the machine falls back to this slot.

Examples:
  proa slot try b && proa reboot
  proa slot try b --reboot
`

const slotRollbackHelp = `
The other slot is chosen for all boots, and the version that is left does not come back by itself: "proa upgrade apply --again"
takes it again. Possible while the running slot is on trial, and after it has become good, as long as the other slot was good once and
nothing new has been written to it.

Examples:
  proa slot rollback --reboot
`

func slotWriteVerb(e Env, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: proa slot write a|b FILE")
	}
	return e.change(args[0], func(ctx context.Context, t slotwrite.Target) error {
		in, err := e.input(ctx, args[1])
		if err != nil {
			return err
		}
		defer in.Close()
		e.forget()
		bar := meter.New(e.Out)
		t.Progress = bar.Tick
		m, err := slotwrite.Write(ctx, t, in)
		bar.End()
		if err != nil {
			return err
		}
		fmt.Fprintf(e.Out, "slot %s holds proa %s; to boot it: proa slot try %[1]s --reboot\n", args[0], m.Version)
		return nil
	})
}

// last takes the flag of what ends with a restart.
func (e Env) last(name string, args []string) (rest []string, reboot bool, err error) {
	fs := flags(e, name)
	fs.BoolVar(&reboot, "reboot", false, "restart the machine then")
	rest, err = parsed(fs, args)
	return rest, reboot, err
}

func slotTryVerb(e Env, args []string) error {
	args, reboot, err := e.last("slot try", args)
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return errors.New("usage: proa slot try a|b [--reboot]")
	}
	return e.change(args[0], func(ctx context.Context, t slotwrite.Target) error {
		bar := meter.New(e.Out)
		t.Progress = bar.Tick
		m, err := slotwrite.Try(ctx, t)
		bar.End()
		if err != nil {
			return err
		}
		return e.next(reboot, fmt.Sprintf("the next boot is a trial of slot %s, proa %s", args[0], m.Version))
	})
}

func slotRollbackVerb(e Env, args []string) error {
	args, reboot, err := e.last("slot rollback", args)
	if err == nil {
		err = noArgs(args)
	}
	if err != nil {
		return err
	}
	return e.change("", func(_ context.Context, t slotwrite.Target) error {
		if err := t.Slots.Rollback(); err != nil {
			return err
		}
		e.leave("proa slot rollback")
		return e.next(reboot, fmt.Sprintf("the next boot uses slot %s again", t.Slots.Other()))
	})
}

// next prints what to do next, or restarts.
func (e Env) next(reboot bool, what string) error {
	if reboot {
		fmt.Fprintln(e.Out, what+"; restarting")
		return rebootVerb(e, nil)
	}
	fmt.Fprintln(e.Out, what+"; to restart now: proa reboot")
	return nil
}

func slotVerb(e Env, args []string) error {
	if len(args) > 0 {
		return slotNoVerb(args[0])
	}
	s, err := e.status()
	if err != nil {
		return err
	}
	if s.Slot == "" {
		return fmt.Errorf("mode %s has no slots", s.Mode)
	}
	fmt.Fprintf(e.Out, "slot %s\ntrial %t\ntries-left %d\n", s.Slot, s.Trial, s.Tries)
	if s.SoftSwap != "" {
		fmt.Fprintf(e.Out, "running %s\n", s.SoftSwap)
	}
	t, err := e.target()
	if err != nil {
		return fmt.Errorf("other slot: %w", err)
	}
	h, err := slotwrite.Look(t)
	if err != nil {
		return fmt.Errorf("other slot: %w", err)
	}
	fmt.Fprintf(e.Out, "other %s %s\n", t.Slots.Other(), h)
	return nil
}

func slotNoVerb(word string) error {
	var known []string
	for _, n := range names() {
		if rest, ok := strings.CutPrefix(n, "slot "); ok {
			known = append(known, rest)
		}
	}
	if near := config.Nearest(word, known); near != "" {
		return fmt.Errorf("unexpected argument %q; did you mean \"slot %s\"?", word, near)
	}
	return noArgs([]string{word})
}
