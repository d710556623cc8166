package cli

import "github.com/proa-os/proa/init/timeline"

const timelineHelp = `
One line per step: its start in milliseconds since the kernel started, the list it belongs to, its name, how long it took,
and its error. Of a list that ran several times the last run is shown. The last orderly shutdown comes first, up to the
point where the file systems were unmounted; its times count from the start of that boot.

Lists:
  stage1, stage2         the boot, before and after the root is mounted
  reload                 proa config apply
  slot-write, slot-try   proa slot write, proa slot try
  k3s                    what the runtime does before it starts its components
  shutdown               the last orderly shutdown
`

func timelineVerb(e Env, args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	return timeline.Print(e.Out, e.Root)
}
