package runtime

import (
	"context"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const nodePoll = 2 * time.Second

// apiServerReady asks the API server as the administrator: nobody else may.
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

func kubeletReady(ctx context.Context) error { return healthy(ctx, "http://127.0.0.1:10248/healthz") }

func proxyReady(ctx context.Context) error { return healthy(ctx, "http://127.0.0.1:10256/livez") }

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

// reportNode tells the supervisor whether the node is Ready, and again whenever that changes.
func (s *Server) reportNode(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	for announced := false; ; {
		announced = s.reportState(ctx, client, announced)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(nodePoll):
		}
	}
}

// reportState reports one look at the node, and returns whether it was ever Ready.
func (s *Server) reportState(ctx context.Context, client kubernetes.Interface, announced bool) bool {
	reason := s.nodeState(ctx, client)
	if ctx.Err() != nil {
		return announced // we are ending, which is not the node's state
	}
	if reason != "" {
		s.notify.NodeReady(false, reason)
		s.notify.Status("node NotReady: %s", reason)
		return announced
	}
	if !announced {
		if err := markServer(ctx, client, s.node.Name); err != nil {
			s.notify.Status("node: %v", err)
			return false // at the next look again
		}
		s.notify.NodeReady(true, "")
		s.notify.Ready()
		settle()
		time.AfterFunc(settleAgain, settle)
	}
	s.notify.NodeReady(true, "")
	s.notify.Status("node Ready")
	return true
}

// roleLabels say that the node is a server, as `kubectl get nodes` shows it under ROLES. The kubelet may not give itself
// labels of this prefix: admission refuses them to nodes.
const roleLabels = `{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":"true"}}}`

func markServer(ctx context.Context, client kubernetes.Interface, node string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, []byte(roleLabels), metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("label the node as a server: %w", err)
	}
	return nil
}

// nodeState is empty when the node is Ready, or else says why it is not.
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
