package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/proa-os/proa/build/progress"
	"github.com/proa-os/proa/build/releasing"
)

func releaseFlags(f *flag.FlagSet, o *options) {
	o.release.Register(f)
	o.trust.ReleaseFlags(f)
}

func releaseVerb(ctx context.Context, c *call) error {
	o, err := c.opts.release.Options()
	if err != nil {
		return usage("release: %v", err)
	}
	if o.Ring, err = c.opts.trust.ForRelease(); err != nil {
		return err
	}
	show := progress.New(os.Stderr)
	o.Show, o.Now = show, time.Now()
	made, err := releasing.Run(ctx, o, c.args)
	show.Close()
	for _, m := range made {
		fmt.Fprintln(c.out, m)
	}
	if err == nil {
		releasing.Say(c.out, o)
	}
	return err
}
