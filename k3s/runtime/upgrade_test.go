package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
	"github.com/proa-os/proa/k3s/upgrade/controller"
)

// fleet is three simulated nodes of a real control plane, and a Deployment with a budget that they serve.
type fleet struct {
	*machine
	config   *rest.Config
	upgrades dynamic.ResourceInterface
	nodes    map[string]*simNode
	least    int64 // fewest pods that were available
	most     int64 // most nodes that were cordoned
}

var fleetNames = []string{"edge-a", "edge-b", "edge-c"}

func newFleet(t *testing.T) *fleet {
	f := &fleet{machine: newMachine(t), nodes: map[string]*simNode{}}
	packaged := t.TempDir()
	manifest, err := os.ReadFile("../../overlay/rootfs/usr/share/proa/manifests/upgrades.yaml")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(packaged, "upgrades.yaml"), manifest, 0o600))
	f.args = []string{"--packaged-manifests=" + packaged}
	f.start()
	f.controllers()
	f.connect()
	f.until(2*time.Minute, "Upgrades are served", func() error {
		_, err := f.upgrades.List(context.Background(), metav1.ListOptions{})
		return err
	})
	for _, name := range fleetNames {
		f.nodes[name] = newSimNode(f.machine, f.config, name)
	}
	f.deploy()
	return f
}

func (f *fleet) connect() {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(f.dir, "server/cred/admin.kubeconfig"))
	must(f.t, err)
	config.Dial = func(_ context.Context, network, address string) (net.Conn, error) { return f.dial(network, address) }
	config.QPS = -1
	all, err := dynamic.NewForConfig(config)
	must(f.t, err)
	f.config, f.upgrades = config, all.Resource(api.Resource)
}

// deploy makes the Deployment and waits until it runs. At least two of its three pods have to be available.
func (f *fleet) deploy() {
	ctx, labels := context.Background(), map[string]string{"app": "web"}
	three, two := int32(3), intstr.FromInt32(2)
	selector := metav1.SetAsLabelSelector(labels)
	_, err := f.client.AppsV1().Deployments("default").Create(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{Replicas: &three, Selector: selector, Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web", Resources: tiny}}, TopologySpreadConstraints: []corev1.TopologySpreadConstraint{
				{MaxSkew: 1, TopologyKey: "kubernetes.io/hostname", WhenUnsatisfiable: corev1.ScheduleAnyway, LabelSelector: selector}}}}}}, metav1.CreateOptions{})
	must(f.t, err)
	_, err = f.client.PolicyV1().PodDisruptionBudgets("default").Create(ctx, &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &two, Selector: selector}}, metav1.CreateOptions{})
	must(f.t, err)
	f.until(2*time.Minute, "three pods run", func() error {
		if n, err := f.available(); err != nil || n != 3 {
			return fmt.Errorf("%d: %v", n, err)
		}
		return nil
	})
}

// available returns the number of pods that run on nodes that are up.
func (f *fleet) available() (n int64, err error) {
	pods, err := f.client.CoreV1().Pods("default").List(context.Background(), metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		return 0, err
	}
	for _, p := range pods.Items {
		if node := f.nodes[p.Spec.NodeName]; p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning && node != nil && !node.isDown() {
			n++
		}
	}
	return n, nil
}

// roll creates an Upgrade and watches the cluster until done says that it is over.
func (f *fleet) roll(name, spec string, done func(*api.Upgrade) bool) *api.Upgrade {
	f.t.Helper()
	must(f.t, f.create(name, spec))
	f.least = 3
	f.most = 0
	var u *api.Upgrade
	f.until(5*time.Minute, "Upgrade "+name, func() error {
		f.sample()
		if u = f.get(name); done(u) {
			return nil
		}
		return errors.New(u.Status.Message)
	})
	return u
}

func (f *fleet) create(name, spec string) error {
	item := &unstructured.Unstructured{}
	must(f.t, item.UnmarshalJSON(fmt.Appendf(nil, `{"apiVersion":"proa.io/v1","kind":"Upgrade","metadata":{"name":%q},"spec":%s}`, name, spec)))
	_, err := f.upgrades.Create(context.Background(), item, metav1.CreateOptions{})
	return err
}

func (f *fleet) get(name string) *api.Upgrade {
	f.t.Helper()
	item, err := f.upgrades.Get(context.Background(), name, metav1.GetOptions{})
	must(f.t, err)
	text, err := item.MarshalJSON()
	must(f.t, err)
	u := &api.Upgrade{}
	must(f.t, json.Unmarshal(text, u))
	return u
}

// sample counts available pods and cordoned nodes.
func (f *fleet) sample() {
	n, err := f.available()
	must(f.t, err)
	f.least = min(f.least, n)
	f.most = max(f.most, int64(len(f.cordoned())))
}

func (f *fleet) cordoned() (names []string) {
	list, err := f.client.CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	must(f.t, err)
	for _, n := range list.Items {
		if n.Spec.Unschedulable {
			names = append(names, n.Name)
		}
	}
	return names
}

// asked returns how often each node was asked, and the order in which they went down.
func (f *fleet) asked() (times []int, order []string) {
	when := map[string]time.Time{}
	for _, name := range fleetNames {
		asked, first := f.nodes[name].times()
		times = append(times, asked)
		if !first.IsZero() {
			when[name] = first
			order = append(order, name)
		}
	}
	slices.SortFunc(order, func(a, b string) int { return when[a].Compare(when[b]) })
	return times, order
}

// over says whether a roll-out has ended.
func over(u *api.Upgrade) bool { return u.Status.Phase == api.Complete || u.Status.Phase == api.Failed }

// TestUpgrades: roll-outs over simulated nodes of a real control plane, judged by its API server, scheduler, Deployment
// controller and eviction API.
func TestUpgrades(t *testing.T) {
	f := newFleet(t)
	f.oneAfterAnother()
	f.failure()
	f.waves()
	f.deletion()
	f.refused()
}

func (f *fleet) oneAfterAnother() {
	u := f.roll("spring", `{"version":"2","source":"https://up.example.org/r?key=hunter2"}`, over)
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
	f.until(time.Minute, "events of "+selector, func() error {
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
	u := f.roll("summer", `{"version":"3"}`, over)
	times, order := f.asked()
	degraded := meta.FindStatusCondition(u.Status.Conditions, api.CondDegraded)
	if u.Status.Phase != api.Failed || fmt.Sprint(times, order) != "[1 1 0] [edge-a edge-b]" || degraded == nil ||
		degraded.Message != "node edge-b rolled back: node Ready: no CNI" {
		f.t.Errorf("asked %d, in the order %s: %+v", times, order, u.Status)
	}
	f.until(time.Minute, "no node is cordoned", func() error {
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

// deletion: a paused roll-out takes no further node; a deleted one gives its node back.
func (f *fleet) deletion() {
	ctx := context.Background()
	f.nodes["edge-a"].set(nodeupgrade.Succeeded, true)
	f.roll("winter", `{"version":"5"}`, func(u *api.Upgrade) bool {
		return len(u.Status.Nodes) == 1 && u.Status.Nodes[0].Message == "writing" && u.Status.Nodes[0].Name == "edge-a"
	})
	must(f.t, f.create("after", `{"version":"6"}`))
	_, err := f.upgrades.Patch(ctx, "winter", types.MergePatchType, []byte(`{"spec":{"paused":true}}`), metav1.PatchOptions{})
	must(f.t, err)
	f.nodes["edge-a"].set(nodeupgrade.Succeeded, false)
	f.until(2*time.Minute, "the pause after the node that was asked", func() error {
		if s := f.get("winter").Status; s.Phase != api.Paused || s.Updated != 1 || s.Upgrading != 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if s := f.get("after").Status; s.Phase != api.Waiting || s.Message != "for Upgrade winter, which is older" {
		f.t.Errorf("%+v", s)
	}
	must(f.t, f.upgrades.Delete(ctx, "after", metav1.DeleteOptions{}))
	f.nodes["edge-b"].set(nodeupgrade.Succeeded, true)
	_, err = f.upgrades.Patch(ctx, "winter", types.MergePatchType, []byte(`{"spec":{"paused":false}}`), metav1.PatchOptions{})
	must(f.t, err)
	f.until(2*time.Minute, "the next node", func() error {
		if f.cordoned() == nil || f.get("winter").Status.Upgrading != 1 {
			return errors.New("not yet")
		}
		return nil
	})
	must(f.t, f.upgrades.Delete(ctx, "winter", metav1.DeleteOptions{}))
	f.until(time.Minute, "the deletion", func() error {
		_, err := f.upgrades.Get(ctx, "winter", metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("still there: %v", err)
		}
		return nil
	})
	n, err := f.client.CoreV1().Nodes().Get(ctx, "edge-b", metav1.GetOptions{})
	must(f.t, err)
	if n.Spec.Unschedulable || n.Annotations[api.RequestKey] != "" || n.Annotations[api.ProgressKey] != "" {
		f.t.Errorf("not given back: %v, %v", n.Spec.Unschedulable, n.Annotations)
	}
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
