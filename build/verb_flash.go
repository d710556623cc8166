package main

import (
	"context"
	"flag"

	"github.com/proa-os/proa/build/flash"
	keys "github.com/proa-os/proa/build/keys/verb"
	"github.com/proa-os/proa/build/releasing"
)

func flashFlags(f *flag.FlagSet, o *options) {
	o.flash.Flags(f)
	o.trust.SignFlags(f)
	lockedFlag(f, o)
}
func keysFlags(f *flag.FlagSet, o *options)    { o.trust.Flags(f) }
func configFlags(f *flag.FlagSet, o *options)  { o.flash.IntoFlags(f) }
func releaseFlags(f *flag.FlagSet, o *options) { o.release.Register(f); o.trust.ReleaseFlags(f) }
func releaseVerb(ctx context.Context, c *call) error {
	return releasing.Main(ctx, c.opts.release, c.opts.trust.ForRelease, c.args, c.out)
}
func keysVerb(_ context.Context, c *call) error { return keys.Run(c.opts.trust, c.args, c.out) }
func configVerb(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return usage("config-into: give one image file")
	}
	return flash.Into(ctx, c.opts.flash, c.args, c.out)
}
func flashVerb(ctx context.Context, c *call) error {
	b, err := c.board()
	if err != nil {
		return err
	}
	return flash.Run(ctx, c.opts.flash, b, c.args[1:], c.out, func(kind string) (string, error) {
		s, b, k, err := (&call{args: []string{b.Name, kind}, opts: c.opts}).one(ctx)
		if err != nil {
			return "", err
		}
		return s.image(ctx, b, k)
	})
}
