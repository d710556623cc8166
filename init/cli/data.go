package cli

import (
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/install/launch"
	"github.com/proa-os/proa/init/reset"
)

func dataEraseVerb(e Env, args []string) error { return e.reset().EraseData(args) }

func resetVerb(e Env, args []string) error { return e.reset().Reset(args) }

func installVerb(e Env, args []string) error { return launch.Run(e.In, e.Out, e.Err, args) }

func (e Env) reset() reset.Machine {
	erase := e.EraseData
	if erase == nil {
		erase = func() error { return boot.EraseData(e.Sys) }
	}
	return reset.Machine{Out: e.Out, Err: e.Err, Erase: erase, Place: e.place}
}
