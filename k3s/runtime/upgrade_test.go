package runtime

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
	"github.com/proa-os/proa/k3s/upgrade/controller"
)

// over says whether a roll-out has ended.
func over(u *api.Upgrade) bool { return u.Status.Phase == api.Complete || u.Status.Phase == api.Failed }

// TestUpgrades: roll-outs over simulated nodes of a real control plane, judged by its API server, scheduler, Deployment
// controller and eviction API.
func TestUpgrades(t *testing.T) {
	f := newFleet(t)
	for _, c := range []struct {
		name string
		run  func(*fleet)
	}{
		{"one after another", (*fleet).oneAfterAnother}, {"failure", (*fleet).failure}, {"waves", (*fleet).waves},
		{"pause", (*fleet).pause}, {"deletion", (*fleet).deletion}, {"refused", (*fleet).refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.t = t
			c.run(f)
		})
	}
	f.t = t
}

func (f *fleet) oneAfterAnother() {
	customers := f.customers()
	u := f.roll("spring", `{"version":"2","source":"https://up.example.org/r?key=hunter2"}`, over)
	customers.served(f.t, "three nodes upgraded one after another")
	times, order := f.asked()
	if u.Status.Phase != api.Complete || u.Status.Updated != 3 || fmt.Sprint(times, order) != "[1 1 1] [edge-a edge-b edge-c]" {
		f.t.Errorf("asked %d, in the order %s: %+v", times, order, u.Status)
	}
	if f.least < 2 || f.most != 1 || len(f.cordoned()) != 0 {
		f.t.Errorf("at least %d pods were available; %d nodes were cordoned at a time, %s still are", f.least, f.most, f.cordoned())
	}
	f.t.Logf("at least %d of 3 pods were available", f.least)
	f.events("involvedObject.kind=Upgrade", "Complete", "NodeTaken", "UpgradeRequested", "NodeUpgraded")
	f.events("involvedObject.kind=Node,involvedObject.name=edge-b", "NodeTaken", "NodeDrained", "UpgradeRequested", "NodeUpgraded")
	if strings.Contains(f.log(), "hunter2") {
		f.t.Error("the query of the source is in the log")
	}
}

// events waits for events with these reasons, and that none shows a secret.
func (f *fleet) events(selector string, reasons ...string) {
	f.until(patient, "events of "+selector, func() error {
		list, err := f.client.CoreV1().Events("").List(context.Background(), metav1.ListOptions{FieldSelector: selector})
		if err != nil {
			return err
		}
		left := slices.Clone(reasons)
		for _, e := range list.Items {
			left = slices.DeleteFunc(left, func(r string) bool { return r == e.Reason })
			if strings.Contains(e.Message, "hunter2") {
				f.t.Errorf("a secret in %q", e.Message)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("none of %s", left)
		}
		return nil
	})
}

func (f *fleet) failure() {
	f.nodes["edge-b"].set(nodeupgrade.RolledBack, false)
	customers := f.customers()
	u := f.roll("summer", `{"version":"3"}`, over)
	customers.served(f.t, "a roll-out that stops at a node that fails")
	times, order := f.asked()
	degraded := meta.FindStatusCondition(u.Status.Conditions, api.CondDegraded)
	if u.Status.Phase != api.Failed || fmt.Sprint(times, order) != "[1 1 0] [edge-a edge-b]" || degraded == nil ||
		degraded.Message != "node edge-b rolled back: node Ready: no CNI" {
		f.t.Errorf("asked %d, in the order %s: %+v", times, order, u.Status)
	}
	f.until(patient, "no node is cordoned", func() error {
		if c := f.cordoned(); len(c) > 0 {
			return fmt.Errorf("%s", c)
		}
		return nil
	})
	f.nodes["edge-b"].set(nodeupgrade.Succeeded, false)
}

// waves: a canary, a pause, then the others two at a time, with jitter.
func (f *fleet) waves() {
	u := f.roll("autumn", `{"version":"4","concurrency":"67%","jitter":"3s","waves":[{"selector":{"matchLabels":{"kubernetes.io/hostname":"edge-c"}},"pause":"8s"}]}`, over)
	when := map[string]time.Time{}
	for _, name := range fleetNames {
		_, when[name] = f.nodes[name].times()
	}
	after := min(when["edge-a"].Sub(when["edge-c"]), when["edge-b"].Sub(when["edge-c"]))
	if u.Status.Phase != api.Complete || u.Status.Wave != "2/2" || after < 8*time.Second || f.most != 2 || f.least < 2 {
		f.t.Errorf("the second wave came %s after the first; %d nodes at a time, at least %d pods: %+v", after, f.most, f.least, u.Status)
	}
}

// pause: a paused roll-out waits for the node that was asked and takes no further one; a younger Upgrade waits too.
func (f *fleet) pause() {
	f.nodes["edge-a"].set(nodeupgrade.Succeeded, true)
	f.roll("winter", `{"version":"5"}`, func(u *api.Upgrade) bool {
		return len(u.Status.Nodes) == 1 && u.Status.Nodes[0].Message == "writing" && u.Status.Nodes[0].Name == "edge-a"
	})
	must(f.t, f.create("after", `{"version":"6"}`))
	_, err := f.upgrades.Patch(context.Background(), "winter", types.MergePatchType, []byte(`{"spec":{"paused":true}}`), metav1.PatchOptions{})
	must(f.t, err)
	f.nodes["edge-a"].set(nodeupgrade.Succeeded, false)
	f.until(patient, "the pause after the node that was asked", func() error {
		if s := f.get("winter").Status; s.Phase != api.Paused || s.Updated != 1 || s.Upgrading != 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	f.until(patient, "the younger one waits", func() error {
		if s := f.get("after").Status; s.Phase != api.Waiting || s.Message != "for Upgrade winter, which is older" {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	f.delete("after")
	f.delete("winter")
}

// deletion: an Upgrade that is deleted half-way gives its node back.
func (f *fleet) deletion() {
	f.nodes["edge-a"].set(nodeupgrade.Succeeded, true)
	f.roll("thaw", `{"version":"7"}`, func(u *api.Upgrade) bool { return len(u.Status.Nodes) == 1 && u.Status.Nodes[0].Message == "writing" })
	if c := f.cordoned(); len(c) != 1 || c[0] != "edge-a" {
		f.t.Errorf("cordoned: %s", c)
	}
	f.delete("thaw")
	n, err := f.client.CoreV1().Nodes().Get(context.Background(), "edge-a", metav1.GetOptions{})
	must(f.t, err)
	if n.Spec.Unschedulable || n.Annotations[api.RequestKey] != "" || n.Annotations[api.ProgressKey] != "" {
		f.t.Errorf("not given back: %v, %v", n.Spec.Unschedulable, n.Annotations)
	}
	f.nodes["edge-a"].set(nodeupgrade.Succeeded, false)
}

// delete deletes an Upgrade and waits until it is gone, which it is once its nodes are given back.
func (f *fleet) delete(name string) {
	must(f.t, f.upgrades.Delete(context.Background(), name, metav1.DeleteOptions{}))
	f.until(patient, "the deletion of "+name, func() error {
		if _, err := f.upgrades.Get(context.Background(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("still there: %v", err)
		}
		return nil
	})
}

// refused: what the schema refuses, and what the controller's user and a viewer may not do.
func (f *fleet) refused() {
	for _, spec := range []string{`{"source":"https://ada:pw@h/r"}`, `{"source":"file:///r"}`, `{"concurrency":"0%"}`, `{"concurrency":0}`, `{"version":"1;2"}`,
		`{"drain":{"timeout":"soon"}}`, `{"waves":[{"pause":"1h"}]}`, `{"nodeSelector":{"matchExpressions":[{"key":"a","operator":"Near"}]}}`} {
		if err := f.create("no", spec); !apierrors.IsInvalid(err) {
			f.t.Errorf("%s: %v", spec, err)
		}
	}
	config := rest.CopyConfig(f.config)
	config.Impersonate.UserName = controller.User
	other, err := dynamic.NewForConfig(config)
	must(f.t, err)
	secrets := corev1.SchemeGroupVersion.WithResource("secrets")
	if _, err := other.Resource(secrets).Namespace("kube-system").List(context.Background(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		f.t.Errorf("the controller may read secrets: %v", err)
	}
	if err := other.Resource(api.Resource).Delete(context.Background(), "spring", metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
		f.t.Errorf("the controller may delete Upgrades: %v", err)
	}
}
