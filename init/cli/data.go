package cli

import (
	"fmt"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/data"
	"github.com/proa-os/proa/init/install/launch"
	"github.com/proa-os/proa/init/reset"
)

func dataEraseVerb(e Env, args []string) error { return e.reset().EraseData(args) }

func resetVerb(e Env, args []string) error { return e.reset().Reset(args) }

func installVerb(e Env, args []string) error { return launch.Run(e.In, e.Out, e.Err, args) }

func (e Env) reset() reset.Machine {
	erase := e.EraseData
	if erase == nil {
		erase = e.markData
	}
	return reset.Machine{Out: e.Out, Err: e.Err, Erase: erase, Place: e.place}
}

// markData marks the data partition of the running machine, so that the next boot formats it.
func (e Env) markData() error {
	m, err := boot.Running(e.Sys)
	if err != nil {
		return err
	}
	if !m.OnDisk() {
		return fmt.Errorf("mode %s keeps data in memory only; proa reboot erases it", m.Line.Mode)
	}
	return data.Disk{Sys: m.Sys, Name: m.Found.Disk, Logf: m.Logf}.Erase()
}
