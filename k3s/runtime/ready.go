package runtime

import (
	"context"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/proa-os/proa/k3s/node"
)

const nodePoll = 2 * time.Second

// apiServerReady queries the API server as the administrator, because others are not authorized.
func (s *Server) apiServerReady(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

func (s *Server) client() (*kubernetes.Clientset, error) {
	config, err := s.admin()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

func kubeletReady(ctx context.Context) error {
	return healthy(ctx, "http://"+node.KubeletHealth+"/healthz")
}

func proxyReady(ctx context.Context) error { return healthy(ctx, "http://"+node.ProxyHealth+"/livez") }

func healthy(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, reply.Status)
	}
	return nil
}

// reportNode reports to the supervisor whether the node is Ready, and every change.
func (s *Server) reportNode(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	seen := report{server: s, client: client}
	for {
		seen.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(nodePoll):
		}
	}
}

// report is what was reported about the node.
type report struct {
	server            *Server
	client            kubernetes.Interface
	announced, marked bool
}

// look reports the node's current state.
func (r *report) look(ctx context.Context) {
	s := r.server
	reason := s.nodeState(ctx, r.client)
	if ctx.Err() != nil {
		return // the process is ending, which says nothing about the node
	}
	s.notify.NodeReady(reason == "", reason)
	if reason != "" {
		s.notify.Status("node NotReady: %s", reason)
		return
	}
	r.mark(ctx)
	if !r.announced {
		r.announced = true
		s.notify.Ready()
		settle()
		time.AfterFunc(settleAgain, settle)
	}
	s.notify.Status("node Ready")
}

// mark labels the node, and retries at the next look: a node without its labels is Ready nevertheless.
func (r *report) mark(ctx context.Context) {
	if r.marked {
		return
	}
	if err := r.server.markNode(ctx, r.client); err != nil {
		r.server.notify.Problem("labels", fmt.Sprintf("label the node: %v", err))
		return
	}
	r.marked = true
	r.server.notify.Solved("labels")
}

// nodeState returns why the node is not Ready; empty if it is.
func (s *Server) nodeState(ctx context.Context, client kubernetes.Interface) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	n, err := client.CoreV1().Nodes().Get(ctx, s.node.Name, metav1.GetOptions{ResourceVersion: "0"})
	if err != nil {
		return err.Error()
	}
	for _, c := range n.Status.Conditions {
		if c.Type != corev1.NodeReady {
			continue
		}
		if c.Status == corev1.ConditionTrue {
			return ""
		}
		return c.Message
	}
	return "no condition yet"
}
