package runtime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/k3s/upgrade/onnode"
)

// simNode is a simulated node of a real cluster: it keeps its Node object Ready, has an HTTP server for each of its pods,
// runs the node's side of upgrades, and plays PID 1 and its engine. It acts with a node's rights.
type simNode struct {
	t      *testing.T
	name   string
	client kubernetes.Interface
	net    *network
	file   string // of the engine
	mu     sync.Mutex
	down   bool
	fate   nodeupgrade.Result
	hold   bool // the engine does not get on
	asked  []string
	left   []string // pods that were still there when it went down
	went   []time.Time
}

func newSimNode(m *machine, config *rest.Config, net *network, name string) *simNode {
	config = rest.CopyConfig(config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:node:" + name, Groups: []string{"system:nodes", "system:authenticated"}}
	client, err := kubernetes.NewForConfig(config)
	must(m.t, err)
	n := &simNode{t: m.t, name: name, client: client, net: net, file: filepath.Join(m.t.TempDir(), "upgrade.json"), fate: nodeupgrade.Succeeded}
	_, err = client.CoreV1().Nodes().Create(context.Background(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/hostname": name}},
	}, metav1.CreateOptions{})
	must(m.t, err)
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	a := &onnode.Agent{Client: client, Node: name, Version: "1", File: n.file, Poll: 300 * time.Millisecond,
		Tell: func(text string) { n.engine(ctx, text) }, Problem: func(line string) {
			if line != "" {
				m.t.Errorf("%s: %s", name, line)
			}
		}}
	all.Go(func() { a.Run(ctx) })
	all.Go(func() { n.every(ctx, 10*time.Second, n.beat) })
	all.Go(func() { n.every(ctx, 500*time.Millisecond, n.pods) })
	m.t.Cleanup(func() { stop(); all.Wait() })
	return n
}

func (n *simNode) every(ctx context.Context, pause time.Duration, f func(context.Context) error) {
	for ctx.Err() == nil {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, n.name, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (n *simNode) isDown() bool { n.mu.Lock(); defer n.mu.Unlock(); return n.down }

// beat is the kubelet's heartbeat.
func (n *simNode) beat(ctx context.Context) error {
	now, state := metav1.Now(), corev1.ConditionTrue
	if n.isDown() {
		state = corev1.ConditionFalse
	}
	const room = `{"cpu":"2","memory":"2Gi","pods":"110"}`
	patch := fmt.Sprintf(`{"status":{"capacity":%s,"allocatable":%[1]s,"conditions":[{"type":"Ready","status":"%s","reason":"x","message":"x","lastHeartbeatTime":"%s","lastTransitionTime":"%[3]s"}]}}`,
		room, state, now.UTC().Format(time.RFC3339))
	_, err := n.client.CoreV1().Nodes().Patch(ctx, n.name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	return err
}

// pods starts the node's pods and ends those that are to be deleted.
func (n *simNode) pods(ctx context.Context) error {
	if n.isDown() {
		return nil
	}
	list, err := n.list(ctx)
	if err != nil {
		return err
	}
	for _, p := range list {
		switch {
		case p.DeletionTimestamp != nil:
			n.net.down(ctx, p.Status.PodIP, true)
			err = n.client.CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
		case p.Status.Phase == corev1.PodPending || !n.net.runs(p.Status.PodIP):
			if p.Status.PodIP, err = n.net.up(p.Name); err != nil {
				return err
			}
			p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
			p.Status.Phase = corev1.PodRunning
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
			_, err = n.client.CoreV1().Pods(p.Namespace).UpdateStatus(ctx, &p, metav1.UpdateOptions{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *simNode) list(ctx context.Context) ([]corev1.Pod, error) {
	list, err := n.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + n.name})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// engine does what PID 1 does with a request: each once, in the background.
func (n *simNode) engine(ctx context.Context, text string) {
	if text == "" {
		return
	}
	r, err := nodeupgrade.ParseRequest(text)
	if err != nil {
		n.t.Errorf("%s: %v", n.name, err)
		return
	}
	n.mu.Lock()
	n.asked = append(n.asked, r.ID)
	n.mu.Unlock()
	go n.upgrade(ctx, nodeupgrade.State{ID: r.ID, Version: r.Version})
}

func (n *simNode) upgrade(ctx context.Context, s nodeupgrade.State) {
	say := func(phase string, result nodeupgrade.Result) {
		s.Phase, s.Result = phase, result
		if err := atomicfile.Write(n.file, []byte(s.Encode()), 0o600); err != nil && ctx.Err() == nil {
			n.t.Errorf("%s: %v", n.name, err)
		}
	}
	say("writing", "")
	for held := true; held && ctx.Err() == nil; time.Sleep(time.Second) {
		n.mu.Lock()
		held = n.hold
		n.mu.Unlock()
	}
	left, err := n.list(ctx)
	n.mu.Lock()
	n.down = true
	n.went = append(n.went, time.Now())
	for _, p := range left {
		n.left = append(n.left, p.Name)
		n.net.down(ctx, p.Status.PodIP, false)
	}
	fate := n.fate
	n.mu.Unlock()
	if err != nil || n.beat(ctx) != nil {
		return // the test has ended
	}
	time.Sleep(2 * time.Second)
	n.mu.Lock()
	n.down = false
	n.mu.Unlock()
	_ = n.beat(ctx) // the next one comes soon
	if fate != nodeupgrade.Succeeded {
		s.Message = "node Ready: no CNI"
	}
	say("done", fate)
}

// set changes what the engine does.
func (n *simNode) set(fate nodeupgrade.Result, hold bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fate, n.hold = fate, hold
}

// times returns how often the node was asked and when it went down first; both are forgotten.
func (n *simNode) times() (asked int, first time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.left) > 0 {
		n.t.Errorf("%s went down with pods: %s", n.name, strings.Join(n.left, " "))
	}
	asked = len(n.asked)
	if len(n.went) > 0 {
		first = n.went[0]
	}
	n.asked, n.went, n.left = nil, nil, nil
	return asked, first
}

var tiny = corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("1m")}}
