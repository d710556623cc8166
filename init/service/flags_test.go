package service

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

// TestFlags: the flags that may be repeated are the runtime's, and flags that are always on are not passed to the
// runtime, which does not have them.
func TestFlags(t *testing.T) {
	args := []string{"--disable-network-policy", "--tls-san=a", "--tls-san=b", "--node-ip=10.0.0.1", "--node-ip=10.0.0.2", "--kube-proxy-arg=v=2"}
	text, err := K3sConfig(config.K3s{Args: args}, "edge-7", false)
	want := "node-name: edge-7\ntls-san:\n    - a\n    - b\nnode-ip: 10.0.0.2\nkube-proxy-arg:\n    - v=2\n"
	if err != nil || !strings.HasSuffix(string(text), want) {
		t.Errorf("%v\n%s", err, text)
	}
}
