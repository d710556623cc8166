// Package onnode is the node's side of an upgrade that the cluster asks for: it passes the request in the annotations of
// this node's own Node object on to PID 1, and writes the state that PID 1's engine leaves in a file back to them. It also
// shows the node's record of upgrades, whoever asked for them, as a condition and events of that object. It acts as the node,
// looks at no other node, and does not upgrade anything.
package onnode

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/k3s/upgrade/api"
)

// Agent is the node's side. All fields but the last are required.
type Agent struct {
	Client  kubernetes.Interface // as this node
	Node    string
	Version string               // of proa
	File    string               // nodeupgrade.File
	Log     string               // nodeupgrade.LogFile
	Tell    func(string)         // tells PID 1 the request, or "" that there is none
	Problem func(line string)    // what is wrong with a request; "": nothing
	Poll    time.Duration        // of the file; tests shorten it
	seen    map[string]string    // the node's annotations; nil: not known yet
	wrote   time.Time            // when they were last written
	told    *nodeupgrade.Request // that PID 1 was told last
	tells   teller
}

const (
	poll      = 2 * time.Second
	writeEach = 10 * time.Second // states without a result
	retry     = 5 * time.Second
)

// Run works until the context ends. Errors are retried: the node upgrades by other means too.
func (a *Agent) Run(ctx context.Context) {
	if a.Poll == 0 {
		a.Poll = poll
	}
	var end func()
	a.tells.events, end = a.recorder(ctx)
	defer end()
	for ctx.Err() == nil {
		if err := a.follow(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "k3s: node-upgrade:", err)
			select {
			case <-ctx.Done():
			case <-time.After(retry):
			}
		}
	}
}

// follow watches the Node object and the file until the watch ends, which it does after some minutes.
func (a *Agent) follow(ctx context.Context) error {
	w, err := a.Client.CoreV1().Nodes().Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + a.Node})
	if err != nil {
		return err
	}
	defer w.Stop()
	tick := time.NewTicker(a.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.ResultChan():
			if !open {
				return nil
			}
			n, is := e.Object.(*corev1.Node)
			if !is {
				return apierrors.FromObject(e.Object)
			}
			a.seen, a.tells.is = keep(n.Annotations), conditionOf(n)
		case <-tick.C:
		}
		if err := a.look(ctx); err != nil {
			return err
		}
	}
}

// keep returns the annotations that matter, never nil.
func keep(all map[string]string) map[string]string {
	some := map[string]string{}
	for _, key := range []string{api.RequestKey, api.StateKey, api.VersionKey} {
		if all[key] != "" {
			some[key] = all[key]
		}
	}
	return some
}

// look compares annotations, file and what PID 1 was told.
func (a *Agent) look(ctx context.Context) error {
	if a.seen == nil {
		return nil
	}
	state, text, err := a.read()
	if err != nil {
		return err
	}
	a.tell(state)
	if now := time.Now(); now.After(a.tells.rest) {
		if err := a.record(ctx); err != nil { // requests must not wait for it
			a.tells.rest = now.Add(time.Minute)
			fmt.Fprintln(os.Stderr, "k3s: node-upgrade:", err)
		}
	}
	return a.write(ctx, state, text, time.Now())
}

// read returns the state in the file; the text is empty if there is none.
func (a *Agent) read() (s nodeupgrade.State, text string, err error) {
	f, err := os.Open(a.File)
	if os.IsNotExist(err) {
		return s, "", nil
	}
	if err != nil {
		return s, "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, nodeupgrade.MaxFile+1))
	if err != nil {
		return s, "", err
	}
	if s, err = nodeupgrade.ParseState(string(b)); err != nil {
		return s, "", fmt.Errorf("%s: %w", a.File, err)
	}
	return s, s.Encode(), nil
}

// tell passes the request on, unless it has a result already: after a restart it may still be there.
func (a *Agent) tell(now nodeupgrade.State) {
	var request nodeupgrade.Request
	problem := ""
	if text := a.seen[api.RequestKey]; text != "" {
		var err error
		if request, err = nodeupgrade.ParseRequest(text); err != nil {
			problem = "annotation " + api.RequestKey + " of this node: " + err.Error() + "; ignored"
		}
	}
	before, _ := nodeupgrade.ParseState(a.seen[api.StateKey])
	for _, s := range []nodeupgrade.State{before, now} {
		if s.ID == request.ID && s.Result != "" {
			request = nodeupgrade.Request{}
		}
	}
	if a.told != nil && *a.told == request {
		return
	}
	a.told = &request
	a.Problem(problem)
	if request.ID == "" {
		a.Tell("")
		return
	}
	a.Tell(request.Encode())
}

// write updates the annotations if they differ, a state without a result only now and then.
func (a *Agent) write(ctx context.Context, s nodeupgrade.State, text string, now time.Time) error {
	change := map[string]string{}
	if text != "" && text != a.seen[api.StateKey] && (s.Result != "" || now.Sub(a.wrote) >= writeEach) {
		change[api.StateKey] = text
	}
	if a.Version != a.seen[api.VersionKey] {
		change[api.VersionKey] = a.Version
	}
	if len(change) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": change}})
	if err != nil {
		return err
	}
	n, err := a.Client.CoreV1().Nodes().Patch(ctx, a.Node, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return err
	}
	a.seen, a.wrote = keep(n.Annotations), now
	return nil
}
