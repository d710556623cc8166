package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// healthChecks are checks of each kind on a node that serves testdata/manifests/one.yaml; the last three fail.
const healthChecks = `health:
  checks:
    - {name: kubelet, http: 'http://127.0.0.1:10248/healthz'}
    - {name: page, http: 'http://10.0.2.15:30080/'}
    - {name: api, tcp: '127.0.0.1:6443'}
    - {name: files, command: 'test -d /var/lib/rancher'}
    - {name: names, workload: kube-system/deployment/coredns}
    - {name: hello, workload: default/Deployment/hello}
    - {name: teapot, http: 'http://127.0.0.1:10248/healthz', status: 418}
    - {name: ghost, workload: default/Deployment/ghost}
    - {name: hangs, command: 'echo waiting; sleep 60', timeout: 2s}
`

// healthSays is what `proa health` prints of them: names of conditions that hold, and the lines of those that do not.
var healthSays = []string{"ok    boot steps\n", "ok    default route\n", "ok    node Ready\n", "ok    check kubelet\n", "ok    check page\n", "ok    check api\n",
	"ok    check files\n", "ok    check names\n", "ok    check hello\n", "FAIL  check teapot: 127.0.0.1:10248: HTTP status 200, want 418\n",
	"FAIL  check ghost: exit code 1: ", "not found", "FAIL  check hangs: killed, because it was not done in time: waiting\n", "code 1\n"}

// healthTells: `proa health` tries checks that have just been written, and tells of every condition. It is repeated,
// because it judges a moment: on a busy host coredns is ready later than hello, and kubectl may need longer than its limit.
func healthTells(t *testing.T, m *machine) {
	m.t = t
	before := m.run("cat /boot/config.yaml", nil)
	m.run("proa config apply -", strings.NewReader(before+healthChecks))
	m.untilIs("proa health || echo code $?", "every condition", func(got string) error {
		for _, want := range healthSays {
			if !strings.Contains(got, want) {
				return fmt.Errorf("no %q", want)
			}
		}
		return nil
	}, podBudget)
	m.run("proa config apply -", strings.NewReader(before))
	m.untilIs("proa health", "no check", func(got string) error {
		if strings.Contains(got, "check ") {
			return fmt.Errorf("checks that are no longer configured")
		}
		return nil
	}, podBudget)
}
