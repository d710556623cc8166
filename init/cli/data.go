package cli

import (
	"errors"
	"fmt"

	"github.com/proa-os/proa/init/boot"
)

const dataEraseHelp = `
The data partition holds the cluster, its certificates and volumes, images, logs, host keys and all that
users have put on the machine. The next boot makes a new file system there, like the first boot.
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
		return errors.New("this erases everything on the data partition at the next boot; add --yes to confirm")
	}
	erase := e.EraseData
	if erase == nil {
		erase = func() error { return boot.EraseData(e.Sys) }
	}
	if err := erase(); err != nil {
		return err
	}
	fmt.Fprintln(e.Out, "the data partition is formatted at the next boot; to restart now: proa reboot")
	return nil
}
