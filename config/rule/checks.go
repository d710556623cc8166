package rule

import (
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// checks are the rules for health.checks.
var checks = map[string]Rule{
	"checkname":     want(regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$`).MatchString, "a name of at most 40 letters, digits, blanks, ., _ and -"),
	"httpstatus":    want(func(s string) bool { return between(200, 299)(s) || between(400, 599)(s) }, "0, or an HTTP status from 200 to 299 or from 400 to 599; redirections are followed"),
	"hostport":      want(hostPort, "HOST:PORT, an IPv6 address in brackets"),
	"workload":      {Judge: workload, Clean: workloadKind},
	"checktimeout":  want(lasts(time.Second, 5*time.Minute), "a duration from 1s to 5m, such as 10s"),
	"checkinterval": want(lasts(time.Second, time.Hour), "a duration from 1s to 1h, such as 10s"),
	"checkfor":      want(lasts(0, 24*time.Hour), "a duration of at most 24h, such as 1m"),
}

// hostPort accepts a name or an address with a port.
func hostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !portNumber(port) {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err == nil || domain(strings.ToLower(host))
}

// workloads are the kinds whose status says how many pods are Ready.
var workloads = []string{"Deployment", "DaemonSet", "StatefulSet"}

// workload checks NAMESPACE/KIND/NAME.
func workload(s string) string {
	part := strings.Split(s, "/")
	if len(part) != 3 || !matchesName(63)(part[0]) || !slices.Contains(workloads, part[1]) || !domain(part[2]) || strings.HasSuffix(part[2], ".") {
		return "NAMESPACE/KIND/NAME, where KIND is " + strings.Join(workloads, ", ")
	}
	return ""
}

// workloadKind spells the kind as the API does; kubectl takes it in any case.
func workloadKind(s string) string {
	part := strings.Split(s, "/")
	for _, k := range workloads {
		if len(part) == 3 && strings.EqualFold(part[1], k) {
			part[1] = k
		}
	}
	return strings.Join(part, "/")
}
