package runtime

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// TestAwaitAddress: it waits while there is no node, or one with the old address, and times out.
func TestAwaitAddress(t *testing.T) {
	at := func(ip string) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "e1"},
			Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: "10.78.0.9"}, {Type: corev1.NodeInternalIP, Address: ip}}}}
	}
	client := fake.NewClientset()
	ctx := context.Background()
	if hasAddress(ctx, client, "e1", "10.78.0.9") {
		t.Error("a node that is not there")
	}
	must(t, client.Tracker().Add(at("10.77.0.5")))
	arrived := make(chan struct{})
	go func() {
		awaitAddress(ctx, client, "e1", "10.78.0.9", time.Minute)
		close(arrived)
	}()
	select {
	case <-arrived:
		t.Fatal("the address of before was taken")
	case <-time.After(3 * addressPoll):
	}
	_, err := client.CoreV1().Nodes().UpdateStatus(ctx, at("10.78.0.9"), metav1.UpdateOptions{})
	must(t, err)
	<-arrived
	began := time.Now()
	awaitAddress(ctx, client, "e1", "10.79.0.1", addressPoll)
	if took := time.Since(began); took > 10*addressPoll {
		t.Errorf("waited %s", took)
	}
}
