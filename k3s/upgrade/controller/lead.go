package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// The lease that makes one controller act at a time.
const (
	leaseName = "proa-upgrade-controller"
	leaseFor  = time.Minute
	renewFor  = 40 * time.Second
	renewEach = 10 * time.Second
)

// lead takes the lease, works until nothing is left to do, and gives it back.
func (c *Controller) lead(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: leaseName},
			Client:     c.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: c.identity},
		},
		Name: leaseName, LeaseDuration: leaseFor, RenewDeadline: renewFor, RetryPeriod: renewEach, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) { defer stop(); c.work(ctx) },
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	elector.Run(ctx)
	return nil
}

// work looks at all Upgrades again and again until nothing is left to do. The mutex is for a lease that was lost and taken
// again before the work under the first one had ended.
func (c *Controller) work(ctx context.Context) {
	c.working.Lock()
	defer c.working.Unlock()
	for ctx.Err() == nil {
		next, err := c.pass(ctx)
		if err != nil && ctx.Err() == nil {
			c.log("%v", err)
			next = retry
		}
		if next == 0 {
			return
		}
		sleep(ctx, next)
	}
}
