package controlplane

import (
	"context"

	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func (p Plane) schedulerArgs() []arg {
	return []arg{
		{"kubeconfig", p.cred("scheduler")},
		{"secure-port", "0"},
		{"leader-elect", "false"},
		{"profiling", "false"},
	}
}

// Scheduler runs the scheduler until the context ends.
func (p Plane) Scheduler(ctx context.Context) error {
	run, err := prepared(p, "kube-scheduler-arg", p.SchedulerArgs, func(theirs []string) (func() error, error) {
		opts := options.NewOptions()
		if err := apply(*opts.Flags, override(p.schedulerArgs(), theirs)); err != nil {
			return nil, err
		}
		config, scheduler, err := app.Setup(ctx, opts)
		return func() error { return app.Run(ctx, config, scheduler) }, err
	})
	if err != nil {
		return err
	}
	return run()
}
