package config

import (
	"fmt"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/decode"
)

// Health is the check that a slot on trial has to pass: its boot steps succeeded, it has a default route if there was
// one before, the node is Ready for 30 s without a restart of k3s, and the checks below hold.
type Health struct {
	// Deadline is the time after its boot within which a slot on trial must become good; from 1m to 24h. If it does
	// not, the machine restarts, and after 3 tries falls back to the slot that worked before. A slot that was good
	// already is never restarted because of it.
	Deadline string `yaml:"deadline" default:"15m" check:"deadline" example:"30m"`

	// Checks are yours, of what this machine is for. They run while a slot is on trial, until it is good, and for
	// `proa health`. One that fails for good rolls an upgrade back, so it should fail for no other reason.
	Checks []Check `yaml:"checks" most:"32"`
}

// Check is one of your conditions: exactly one of http, tcp, command and workload.
type Check struct {
	// Name of the check in messages.
	Name string `yaml:"name" check:"checkname,required" example:"shop"`

	// HTTP is a URL that must answer. Redirections are followed, certificates verified with CACerts too.
	HTTP string `yaml:"http" check:"anyurl" secret:"true" example:"http://127.0.0.1:8080/healthz"`

	// Status that HTTP must answer with. 0: any from 200 to 299.
	Status int `yaml:"status" check:"httpstatus" example:"204"`

	// TCP is HOST:PORT, such as 127.0.0.1:1883, that must accept a connection.
	TCP string `yaml:"tcp" check:"hostport"`

	// Command is a shell command that must succeed, run as root. The last line of what it prints is the reason if it
	// fails. After its timeout it is killed with everything that it has started.
	Command string `yaml:"command" check:"command" secret:"true"`

	// Workload is NAMESPACE/KIND/NAME, such as shop/Deployment/till, of a Deployment, DaemonSet or StatefulSet of which
	// every pod must be Ready, and of the newest version if the workload's update strategy renews all of them. A server
	// asks its own API; an agent, which has no administrator's kubeconfig, cannot.
	Workload string `yaml:"workload" check:"workload"`

	// Timeout of one try, from 1s to 5m.
	Timeout string `yaml:"timeout" default:"10s" check:"checktimeout" example:"30s"`

	// Interval between two tries, from 1s to 1h.
	Interval string `yaml:"interval" default:"10s" check:"checkinterval" example:"1m"`

	// For is how long it must hold without a failure, at most 24h, and less than health.deadline. 0s: once is enough.
	For string `yaml:"for" default:"0s" check:"checkfor" example:"2m"`
}

// Kind returns which of the four the check is: http, tcp, command or workload; "" for none or several.
func (c Check) Kind() (kind string) {
	for _, k := range [][2]string{{"http", c.HTTP}, {"tcp", c.TCP}, {"command", c.Command}, {"workload", c.Workload}} {
		switch {
		case k[1] == "":
		case kind != "":
			return ""
		default:
			kind = k[0]
		}
	}
	return kind
}

// oneCheck reports a check that asks nothing or several things.
func oneCheck(r decode.Report, n *yaml.Node, value any, name string) {
	switch c := value.(Check); {
	case c.Kind() == "":
		r.Bad(n, "%s: want exactly one of http, tcp, command and workload", name)
	case c.Status != 0 && c.HTTP == "":
		r.Bad(n, "%s: status is for http only", name)
	}
}

// conflicts names checks that no slot can pass in time. They stay: it is the deadline that is to be changed, maybe.
func (h *Health) conflicts() (out []conflict) {
	limit, err := time.ParseDuration(h.Deadline)
	for i, c := range h.Checks {
		if hold, bad := time.ParseDuration(c.For); err == nil && bad == nil && hold >= limit {
			out = append(out, conflict{path: []string{"health", "checks"},
				text: fmt.Sprintf("health.checks[%d].for: %s is not less than %s (health.deadline): every upgrade would fail", i, hold, limit)})
		}
	}
	return out
}
