package probe

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/init/proc"
)

// Program is kubectl, which is k3s itself and uses this machine's cluster.
const Program = "/usr/bin/kubectl"

// fields of a workload's object, of all three kinds, in the order of counts.
var fields = []string{"metadata.generation", "status.observedGeneration", "spec.replicas", "status.updatedReplicas", "status.readyReplicas",
	"status.desiredNumberScheduled", "status.updatedNumberScheduled", "status.numberReady", "spec.updateStrategy.type", "spec.updateStrategy.rollingUpdate.partition"}

// template makes kubectl print the fields in one line; a field that the object does not have is empty.
func template() string {
	out := `{"\n"}`
	for i, f := range fields {
		if i > 0 {
			out += "|"
		}
		out += "{." + f + "}"
	}
	return out
}

// workload asks the API server. name is NAMESPACE/KIND/NAME.
func (p Prober) workload(ctx context.Context, name string) string {
	if p.Agent {
		return "an agent has no administrator's kubeconfig; use http, tcp or command"
	}
	part := strings.SplitN(name, "/", 3)
	limit := 10 * time.Second
	if end, ok := ctx.Deadline(); ok {
		limit = time.Until(end)
	}
	argv := []string{Program, "get", strings.ToLower(part[1]) + "s.apps", part[2], "--namespace=" + part[0], "--cache-dir=/run/proa/kubectl",
		fmt.Sprintf("--request-timeout=%.0fs", max(1, limit.Seconds())), "--output=jsonpath=" + template()}
	out, why := p.run(ctx, argv, proc.Env())
	if why != "" {
		return why
	}
	return pods(part[1], out)
}

// counts are the numbers in the object's status that its controller has written.
type counts struct {
	generation, observed int64
	want, updated, ready int64
	newest               bool // every pod must be of the newest version
}

// pods judges a line of the fields: why not every pod is Ready and of the newest version, empty if all are.
func pods(kind, line string) string {
	c, ok := parse(kind, line)
	switch {
	case !ok:
		return "kubectl gave no status"
	case c.observed < c.generation:
		return "its controller has not seen its newest version yet"
	case c.newest && c.updated < c.want:
		return fmt.Sprintf("%d of %d pods have the newest version", c.updated, c.want)
	case c.ready < c.want:
		return fmt.Sprintf("%d of %d pods are Ready", c.ready, c.want)
	}
	return ""
}

func parse(kind, line string) (c counts, ok bool) {
	field := strings.Split(line, "|")
	if len(field) != len(fields) {
		return c, false
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(field[i], 10, 64); return n } // empty: none
	c = counts{generation: number(0), observed: number(1), want: number(2), updated: number(3), ready: number(4)}
	if kind == "DaemonSet" {
		c.want, c.updated, c.ready = number(5), number(6), number(7)
	}
	c.newest = field[8] != "OnDelete" && number(9) == 0 // with these the user chooses which pods are renewed
	return c, c.generation > 0
}
