package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/install/launch"
	"github.com/proa-os/proa/init/upgrade/help"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// upgradeVerb passes a verb on to the engine, which is a program of its own.
func upgradeVerb(name string) func(Env, []string) error {
	return func(e Env, args []string) error {
		return launch.Start(help.Program, e.In, e.Out, e.Err, append([]string{name}, args...))
	}
}

// leave records that the running version is left by command, so that it does not come back by itself. A record that
// cannot be written does not keep anybody from leaving.
func (e Env) leave(why string) {
	b, _ := e.read("/proc/cmdline") // without it the root hash is empty
	line, _ := cmdline.Parse(string(b))
	var found boot.Found
	if b, err := e.read(boot.Handover); err == nil && json.Unmarshal(b, &found) == nil {
		line = found.Swap.Line(line)
	}
	is := journal.Release{Version: e.Version, Root: journal.ShortRoot(line.Root.Hash), Slot: line.Slot}
	err := journal.Update(e.Root+journal.File, func(j *journal.Journal) bool { j.RollBack(is, why, time.Now()); return true })
	if err != nil {
		fmt.Fprintln(e.Err, "proa:", err)
	}
}

// forget removes what the engine remembers of a slot that is about to be overwritten.
func (e Env) forget() { _ = os.Remove(e.Root + journal.Partial) } // it is only a hint
