package runtime

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// addressWait is how long kube-proxy waits for the kubelet to report the node's address; a cloud provider or the
	// user may have set another one.
	addressWait = time.Minute
	addressPoll = 500 * time.Millisecond
)

// proxy starts kube-proxy once the node object has the current address: kube-proxy ends the process when the address
// changes after its start (pkg/proxy/node.go, OnNodeChange), which after a move would be a second restart.
func (s *Server) proxy(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	awaitAddress(ctx, client, s.node.Name, s.node.IP, addressWait)
	if ctx.Err() != nil {
		return nil
	}
	return s.node.Proxy(ctx)
}

// awaitAddress returns once the node's internal address is ip, or on timeout.
func awaitAddress(ctx context.Context, client kubernetes.Interface, node, ip string, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !hasAddress(ctx, client, node, ip) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(addressPoll):
		}
	}
}

func hasAddress(ctx context.Context, client kubernetes.Interface, node, ip string) bool {
	n, err := client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
	if err != nil {
		return false
	}
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP && a.Address == ip {
			return true
		}
	}
	return false
}
