package rule

import (
	"regexp"
	"slices"
	"strings"
)

// The labels and taints that the API server accepts on a node: k8s.io/apimachinery/pkg/util/validation
// (IsQualifiedName, IsValidLabelValue), and the labels that a kubelet may set on its own node (NodeRestriction;
// k8s.io/kubelet/pkg/apis, IsKubeletLabel).
var (
	namePart   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)
	prefixPart = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
)

// kubeletLabels are labels below kubernetes.io that a node may set.
var kubeletLabels = []string{"kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
	"topology.kubernetes.io/zone", "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
	"node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"}

// kubeletSpaces are label namespaces that a node may use, with all below them.
var kubeletSpaces = []string{"node.kubernetes.io", "kubelet.kubernetes.io"}

func below(space, of string) bool { return space == of || strings.HasSuffix(space, "."+of) }

const wantName = "[PREFIX/]NAME: NAME of letters, digits, -, _ and ., at most 63, beginning and ending with a letter or digit; PREFIX a domain name"

func qualifiedName(s string) string {
	prefix, name, both := strings.Cut(s, "/")
	if !both {
		prefix, name = "", s
	}
	if len(name) > 63 || !namePart.MatchString(name) || both && (len(prefix) > 253 || !prefixPart.MatchString(prefix)) {
		return wantName
	}
	return ""
}

func labelKey(s string) string {
	if want := qualifiedName(s); want != "" {
		return want
	}
	space, _, _ := strings.Cut(s, "/")
	ours := !strings.Contains(s, "/") || !below(space, "kubernetes.io") && !below(space, "k8s.io")
	switch {
	case ours || slices.Contains(kubeletLabels, s):
		return ""
	case slices.ContainsFunc(kubeletSpaces, func(of string) bool { return below(space, of) }):
		return ""
	case space == "node-role.kubernetes.io":
		return "a label that a node may set itself; set a role from outside: kubectl label node NAME node-role.kubernetes.io/ROLE=true"
	}
	return "a label that a node may set itself: of those below kubernetes.io and k8s.io only topology.kubernetes.io/zone and /region, node.kubernetes.io/… and kubelet.kubernetes.io/…"
}

func labelValue(s string) string {
	if s == "" || len(s) <= 63 && namePart.MatchString(s) {
		return ""
	}
	return "at most 63 letters, digits, -, _ and ., beginning and ending with a letter or digit"
}

// label checks KEY=VALUE as in --node-label.
func label(s string) string {
	key, value, both := strings.Cut(s, "=")
	if !both {
		return "KEY=VALUE"
	}
	if want := labelKey(key); want != "" {
		return want
	}
	return labelValue(value)
}

const wantTaint = "KEY=VALUE:EFFECT or KEY:EFFECT, where EFFECT is NoSchedule, PreferNoSchedule or NoExecute"

func taint(s string) string {
	at := strings.LastIndex(s, ":")
	if at < 0 || !slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, s[at+1:]) {
		return wantTaint
	}
	key, value, _ := strings.Cut(s[:at], "=")
	if qualifiedName(key) != "" {
		return wantTaint + "; KEY is " + wantName
	}
	if want := labelValue(value); want != "" {
		return wantTaint + "; VALUE is " + want
	}
	return ""
}

// taintID returns key and effect: the API server refuses two taints of a node with the same (ValidateNodeTaints).
func taintID(s string) string {
	key, effect, _ := strings.Cut(s, ":")
	key, _, _ = strings.Cut(key, "=")
	return key + ":" + effect
}
