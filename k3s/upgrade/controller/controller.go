// Package controller carries out what k3s/upgrade/plan decides: it reads Upgrades and nodes, cordons, drains and asks
// nodes by changes of their objects, and writes status and events. It decides nothing, and remembers nothing that a
// later controller would need. As long as no Upgrade has anything to do it holds a watch and no lease.
package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"github.com/proa-os/proa/k3s/upgrade/api"
)

// User is whom the controller acts as; its rights are in overlay/rootfs/usr/share/proa/manifests/upgrades.yaml.
const User = "system:proa:upgrade-controller"

const (
	soon    = 2 * time.Second  // until the next look while nodes are away
	later   = 10 * time.Second // until the next look while none is
	retry   = 5 * time.Second  // after an error
	missing = 30 * time.Second // until the resource is looked for again
)

// Controller is a controller of Upgrades. Several servers may have one; the holder of the lease acts.
type Controller struct {
	client   kubernetes.Interface
	upgrades dynamic.ResourceInterface
	events   record.EventRecorder
	identity string // of this server, the same after a restart, which so need not wait for its own lease
	log      func(format string, args ...any)
	working  sync.Mutex
	blocked  map[string]string // by node: why its pods have not left
}

// New returns a controller. config is the administrator's; the controller gives up all rights but those of User.
func New(config *rest.Config, identity string, log func(format string, args ...any)) (*Controller, error) {
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: User}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	all, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Controller{client: client, upgrades: all.Resource(api.Resource), identity: identity, log: log, blocked: map[string]string{}}, nil
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	all := record.NewBroadcaster(record.WithContext(ctx))
	all.StartRecordingToSink(&typed.EventSinkImpl{Interface: c.client.CoreV1().Events("")})
	defer all.Shutdown()
	c.events = all.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "proa-upgrade-controller"})
	asks := exists // the last process may have left something undone
	for ctx.Err() == nil {
		asked, err := c.wait(ctx, asks)
		if asked {
			asks = pending
			err = c.lead(ctx)
		}
		switch {
		case ctx.Err() != nil:
		case apierrors.IsNotFound(err): // the manifest was not applied yet, or is disabled
			sleep(ctx, missing)
		case err != nil:
			c.log("%v", err)
			sleep(ctx, retry)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func exists(*api.Upgrade) bool { return true }

// pending says whether a controller that has done all it could has more to do.
func pending(u *api.Upgrade) bool {
	s := u.Status
	return u.DeletionTimestamp != nil || s.ObservedGeneration != u.Generation || s.Phase == api.Waiting || s.Phase == api.Progressing
}

// wait returns true when an Upgrade asks for the controller, and false when the server ends the watch, as it does after
// some minutes.
func (c *Controller) wait(ctx context.Context, asks func(*api.Upgrade) bool) (asked bool, err error) {
	list, err := c.upgrades.List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	for _, item := range list.Items {
		if u, err := decode(&item); err == nil && asks(u) {
			return true, nil
		}
	}
	w, err := c.upgrades.Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		return false, err
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		item, is := e.Object.(*unstructured.Unstructured)
		if !is {
			return false, apierrors.FromObject(e.Object)
		}
		if u, err := decode(item); err == nil && asks(u) {
			return true, nil
		}
	}
	return false, nil
}

// decode reads an Upgrade. What the schema permits can always be read.
func decode(item *unstructured.Unstructured) (*api.Upgrade, error) {
	text, err := item.MarshalJSON()
	if err != nil {
		return nil, err
	}
	u := &api.Upgrade{}
	if err := json.Unmarshal(text, u); err != nil {
		return nil, fmt.Errorf("Upgrade %s: %w", item.GetName(), err)
	}
	return u, nil
}

// list returns all Upgrades, the oldest first.
func (c *Controller) list(ctx context.Context) (all []*api.Upgrade, err error) {
	list, err := c.upgrades.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, item := range list.Items {
		u, err := decode(&item)
		if err != nil {
			c.log("%v", err)
			continue
		}
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b *api.Upgrade) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}
