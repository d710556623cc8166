package cli

import (
	"errors"
	"fmt"

	"github.com/proa-os/proa/init/boot"
)

const dataEraseHelp = `
The data partition holds the cluster, its certificates and volumes, images, logs, host keys and all that
users have put on the machine. The next start makes a new file system there, as the first one did.
Configuration and slots are on other partitions and stay.

  proa data erase --yes && proa reboot
`

// dataEraseVerb marks the partition as unformatted; nothing else changes before the next boot.
func dataEraseVerb(e Env, args []string) error {
	fs := flags(e, "data erase")
	yes := fs.Bool("yes", false, "everything on the data partition may be lost")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := noArgs(fs.Args()); err != nil {
		return err
	}
	if !*yes {
		return errors.New("everything on the data partition would be lost at the next start; if that is meant, add --yes")
	}
	erase := e.EraseData
	if erase == nil {
		erase = func() error { return boot.EraseData(e.Sys) }
	}
	if err := erase(); err != nil {
		return err
	}
	fmt.Fprintln(e.Out, "data is made anew at the next start; `proa reboot` starts the machine again")
	return nil
}
