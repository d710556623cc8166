package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	cliflag "k8s.io/component-base/cli/flag"
	kubeletapis "k8s.io/kubelet/pkg/apis"
	"k8s.io/kubernetes/pkg/util/taints"
)

// Labels returns the user's labels for the node that Kubernetes accepts; refused has the others with the error. One
// invalid label would make the API server refuse the whole node.
func (n Node) Labels() (good map[string]string, refused map[string]error) {
	good, refused = map[string]string{}, map[string]error{}
	for _, text := range n.NodeLabels {
		key, value, ok := strings.Cut(text, "=")
		if wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); !ok {
			refused[text] = fmt.Errorf("want key=value")
		} else if len(wrong) > 0 {
			refused[text] = fmt.Errorf("%s", strings.Join(wrong, "; "))
		} else {
			good[key] = value
		}
	}
	return good, refused
}

// kubeletLabels returns the labels with which the kubelet registers, as "key=value,…" sorted by key. Admission does not
// let it set restricted ones, such as node-role.kubernetes.io/…: the administrator's client sets those.
func (n Node) kubeletLabels() string {
	good, _ := n.Labels()
	maps.DeleteFunc(good, func(key, _ string) bool { return reserved(key) && !kubeletapis.IsKubeletLabel(key) })
	labels := cliflag.ConfigurationMap(good)
	return labels.String()
}

// reserved says whether a key is in one of Kubernetes' own namespaces.
func reserved(key string) bool {
	namespace, _, found := strings.Cut(key, "/")
	return found && slices.ContainsFunc([]string{"kubernetes.io", "k8s.io"}, func(own string) bool {
		return namespace == own || strings.HasSuffix(namespace, "."+own)
	})
}

// Taints returns the taints the node registers with; refused as with Labels.
func (n Node) Taints() (good []corev1.Taint, refused map[string]error) {
	refused = map[string]error{}
	for _, text := range n.NodeTaints {
		add, remove, err := taints.ParseTaints([]string{text})
		if err == nil && len(remove) > 0 {
			err = fmt.Errorf("a node that registers has no taint to remove")
		}
		same := func(t corev1.Taint) bool { return len(add) > 0 && t.MatchTaint(&add[0]) }
		if err == nil && slices.ContainsFunc(good, same) {
			err = fmt.Errorf("duplicate key and effect")
		}
		if err != nil {
			refused[text] = err
			continue
		}
		good = append(good, add...)
	}
	return good, refused
}
