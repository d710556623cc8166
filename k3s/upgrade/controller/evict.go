package controller

import (
	"context"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/kubectl/pkg/drain"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// evict asks every pod of a node that has to leave to do so, and waits for none. It returns why pods are left, or "" once
// none is; what has to leave is decided as by `kubectl drain`.
func (c *Controller) evict(ctx context.Context, how api.Drain, node string) (left string, err error) {
	d, err := c.helper(ctx, how)
	if err != nil {
		return "", err
	}
	list, refused := d.GetPodsForDeletion(node)
	if list == nil {
		return "", refused[0]
	}
	if len(refused) > 0 {
		return short("%v; spec.drain has what to do about them", refused[0]), nil
	}
	pods := list.Pods()
	for _, p := range pods {
		if p.DeletionTimestamp != nil {
			continue
		}
		if err := d.EvictPod(p, policyv1.SchemeGroupVersion); err != nil && !apierrors.IsNotFound(err) {
			left = short("pod %s/%s: %v", p.Namespace, p.Name, err)
		}
	}
	if left == "" && len(pods) > 0 {
		left = short("%d pods are ending, such as %s/%s", len(pods), pods[0].Namespace, pods[0].Name)
	}
	return left, nil
}

func short(format string, args ...any) string {
	return nodeupgrade.Line(fmt.Sprintf(format, args...), 300)
}

// helper translates the drain options.
func (c *Controller) helper(ctx context.Context, how api.Drain) (*drain.Helper, error) {
	d := &drain.Helper{
		Ctx: ctx, Client: c.client, Force: how.Force, GracePeriodSeconds: -1, IgnoreAllDaemonSets: true,
		DeleteEmptyDirData: *how.DeleteEmpty, Out: io.Discard, ErrOut: io.Discard,
	}
	if how.GracePeriod != nil {
		d.GracePeriodSeconds = *how.GracePeriod
	}
	var skip []labels.Selector
	for _, s := range how.SkipSelector {
		selector, err := metav1.LabelSelectorAsSelector(&s)
		if err != nil {
			return nil, err
		}
		skip = append(skip, selector)
	}
	d.AdditionalFilters = []drain.PodFilter{func(p corev1.Pod) drain.PodDeleteStatus {
		for _, s := range skip {
			if s.Matches(labels.Set(p.Labels)) {
				return drain.MakePodDeleteStatusSkip()
			}
		}
		return drain.MakePodDeleteStatusOkay()
	}}
	return d, nil
}
