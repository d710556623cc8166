package node

import (
	"slices"
	"strings"
	"testing"
)

// TestRefusedArgs: one invalid argument is ignored, the others are used.
func TestRefusedArgs(t *testing.T) {
	n := testNode(t, "--kubelet-arg=max-pods=50", "--kubelet-arg=--v=2", "--kubelet-arg=max-pods=many", "--kubelet-arg=no-such-flag=1", "--kubelet-arg=image-gc-high-threshold=500",
		"--kubelet-arg=feature-gates=NoSuchGate=true", "--kubelet-arg=feature-gates=NodeSwap=true",
		"--kube-proxy-arg=proxy-mode=carrier-pigeon", "--kube-proxy-arg=no-such-flag", "--kube-proxy-arg=conntrack-max-per-core=1000")
	got, err := n.RefusedArgs()
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for flag, texts := range got {
		for text, why := range texts {
			refused = append(refused, flag+" "+text)
			t.Logf("%s %s: %v", flag, text, why)
		}
	}
	slices.Sort(refused)
	want := "kube-proxy-arg no-such-flag, kube-proxy-arg proxy-mode=carrier-pigeon, kubelet-arg feature-gates=NoSuchGate=true, kubelet-arg image-gc-high-threshold=500, kubelet-arg max-pods=many, kubelet-arg no-such-flag=1"
	if got := strings.Join(refused, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
