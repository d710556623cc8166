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
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/proa-os/proa/k3s/upgrade/api"
)

// fleet is three simulated nodes of a real control plane, and a Deployment with a budget that they serve.
type fleet struct {
	*machine
	config   *rest.Config
	upgrades dynamic.ResourceInterface
	net      *network
	nodes    map[string]*simNode
	least    int64 // fewest pods that were available
	most     int64 // most nodes that were cordoned
}

// patient is for a machine that is busy with other things.
const patient = 5 * time.Minute

var fleetNames = []string{"edge-a", "edge-b", "edge-c"}

func newFleet(t *testing.T) *fleet {
	f := &fleet{machine: newMachine(t), net: podNetwork(), nodes: map[string]*simNode{}}
	packaged := t.TempDir()
	manifest, err := os.ReadFile("../../overlay/rootfs/usr/share/proa/manifests/upgrades.yaml")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(packaged, "upgrades.yaml"), manifest, 0o600))
	f.args = []string{"--packaged-manifests=" + packaged}
	f.start()
	f.controllers()
	f.connect()
	f.until(patient, "Upgrades are served", func() error {
		_, err := f.upgrades.List(context.Background(), metav1.ListOptions{})
		return err
	})
	for _, name := range fleetNames {
		f.nodes[name] = newSimNode(f.machine, f.config, f.net, name)
	}
	f.expose()
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
	f.until(patient, "three pods run", func() error {
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
	f.until(patient, "Upgrade "+name, func() error {
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
