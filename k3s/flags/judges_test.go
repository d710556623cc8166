package flags

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
	kubelet "k8s.io/kubelet/pkg/apis"

	"github.com/proa-os/proa/config/rule"
)

// own says whether a key is in Kubernetes' namespaces: kubernetes.io and k8s.io with all below them
// (plugin/pkg/admission/noderestriction, getLabelNamespace).
func own(key string) bool {
	space, _, both := strings.Cut(key, "/")
	return !both || !strings.HasSuffix("."+space, ".kubernetes.io") && !strings.HasSuffix("."+space, ".k8s.io")
}

// TestLabelsAsKubernetes: the configuration accepts exactly the labels with which Kubernetes' own code lets a node
// register.
func TestLabelsAsKubernetes(t *testing.T) {
	key, _ := rule.Of("labelkey")
	value, _ := rule.Of("labelvalue")
	pieces := []string{"", "a", "A", "0", "-", "_", ".", "/", "a-b", "x.y", "kubernetes.io", "k8s.io", "node.kubernetes.io", "x.kubelet.kubernetes.io", "notkubernetes.io", "topology.kubernetes.io/zone",
		"node-role.kubernetes.io", "beta.kubernetes.io/os", "kubernetes.io/hostname", " ", "ü", "\n", strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("a.", 126) + "a", strings.Repeat("a.", 127) + "a"}
	n := 0
	for _, a := range pieces {
		for _, b := range pieces {
			for _, s := range []string{a, a + b, a + "/" + b, a + "." + b, a + "/" + b + "/" + a} {
				n++
				want := len(validation.IsQualifiedName(s)) == 0 && (own(s) || kubelet.IsKubeletLabel(s))
				if got := key.Judge(s) == ""; got != want {
					t.Errorf("key %q: %t, Kubernetes says %t", s, got, want)
				}
				if got, want := value.Judge(s) == "", len(validation.IsValidLabelValue(s)) == 0; got != want {
					t.Errorf("value %q: %t, Kubernetes says %t", s, got, want)
				}
			}
		}
	}
	t.Logf("%d keys and values", n)
}
