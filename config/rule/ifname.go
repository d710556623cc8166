package rule

import "regexp"

// othersNames are names of interfaces that Kubernetes, its networks or the kernel make, and what stands for all of them
// in /proc/sys/net.
var othersNames = regexp.MustCompile(`^(lo|all|default|proa-alone|cni[0-9]*|(flannel|veth|kube-|cali|cilium|lxc|tunl|nodelocaldns).*)$`)

// plainName excludes what the kernel replaces (%d), and what needs quotes elsewhere.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,15}$`)

// Nameable says whether an interface may be made with this name, or get it.
func Nameable(name string) bool {
	return plainName.MatchString(name) && !othersNames.MatchString(name) && name != "." && name != ".."
}
