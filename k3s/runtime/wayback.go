package runtime

import (
	"context"
	"os"

	facts "github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/k3s/rehearse"
	"github.com/proa-os/proa/k3s/wayback"
)

// wayBack does what is to be done with the datastore after an upgrade or a fall-back, before it is opened.
func (s *Server) wayBack(ctx context.Context) error {
	return wayback.Step{
		Store: s.store, File: facts.File, Root: runningRoot(), Now: s.now,
		Judge: func(ctx context.Context, put func(context.Context, string) error) error {
			if err := rehearse.Clean(s.config.Path("server")); err != nil {
				return err
			}
			report, err := rehearse.In(ctx, s.config.Path("server"), rehearse.Enabled(s.config.APIServerArgs), put)
			if err != nil {
				return err
			}
			return report.Refusal()
		},
		Status:  func(line string) { s.notify.Status("%s", line) },
		Problem: func(line string) { s.notify.Problem("datastore", line) },
	}.Run(ctx)
}

// runningRoot returns the beginning of the root hash that runs; "" on a machine without slots.
func runningRoot() string {
	text, _ := os.ReadFile("/proc/cmdline")
	line, _ := cmdline.Parse(string(text))
	return facts.ShortRoot(line.Root.Hash)
}
