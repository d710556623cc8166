package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

const (
	rootKey = "version: 1\nssh_authorized_keys: ['%KEY%']\nk3s: {enabled: false}\n"
	// ada is an administrator, eva has a password for the console, and ida's shell exists on other systems only.
	crew = rootKey + `users:
  - {name: ada, ssh_authorized_keys: ['%KEY%'], admin: true, groups: [video, tty]}
  - {name: eva, ssh_authorized_keys: ['%KEY%'], password: fair winds}
  - {name: ida, ssh_authorized_keys: ['%KEY%'], shell: /bin/bash}
`
	lessCrew = rootKey + "users: [{name: ida, ssh_authorized_keys: ['%KEY%']}, {name: ada, ssh_authorized_keys: ['%KEY%']}]\n"
)

// TestAccounts: the accounts of the configuration can log in, an administrator becomes root by sudo and nobody else does;
// a changed configuration takes effect at once, and numbers and homes are the same after a restart.
func TestAccounts(t *testing.T) {
	needs(t, "full")
	m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, restrict: true, config: crew})
	m.until("proa status", "mode disk", bootBudget)
	m.says("ada", "id -un; id -u; id -Gn | xargs -n 1 | sort | xargs; pwd; stat -c '%a %U' .", "ada\n1000\nada tty video\n/home/ada\n700 ada\n")
	m.says("ida", "id -u; echo $SHELL", "1002\n/bin/sh\n")
	m.says("ada", "sudo -n id -u; echo x | sudo tee /opt/by-root > /dev/null; stat -c '%U %s' /opt/by-root; sudo sh -c 'exit 7'; echo $?; sudo -u eva id -un; sudo -i pwd",
		"0\nroot 2\n7\neva\n/root\n")
	m.says("eva", "sudo -n id -u || echo refused; cat /etc/shadow /home/ada/.proa-ssh/authorized_keys || echo kept", "refused\nkept\n")
	m.says("", "stat -c '%a %U %n' /etc/shadow /etc/passwd /run/proa/ssh; find / -xdev -perm -4000 2> /dev/null", "600 root /etc/shadow\n644 root /etc/passwd\n700 root /run/proa/ssh\n")
	if logged := m.run("proa logs sudo", nil); !strings.Contains(logged, "ada (uid 1000): as root") || !strings.Contains(logged, "refused: uid 1001") {
		t.Errorf("the log of sudo:\n%s", logged)
	}
	if text := m.run("ps; proa status", nil); !strings.Contains(text, "getty -L 0 ttyS0") || strings.Contains(text, "FAILED") || !strings.Contains(unfolded(text), "ida: this machine has no shell /bin/bash") {
		t.Errorf("no login on the console, or problems:\n%s", text)
	}
	m.says("ada", "echo mine > kept", "")

	m.run("proa config apply -", strings.NewReader(strings.ReplaceAll(lessCrew, "%KEY%", m.key.Authorized)))
	m.says("ada", "sudo -n id -u || echo refused", "refused\n")
	m.refused("eva")
	if text := m.run("ps", nil); strings.Contains(text, "getty") || strings.Contains(text, "sudo-service") {
		t.Errorf("services that nobody needs any more:\n%s", text)
	}
	m.off()
	m.powerOn()
	m.says("ada", "id -u; cat kept; stat -c %u kept", "1000\nmine\n1000\n")
	m.says("ida", "id -u", "1002\n")
	m.refused("eva")
	m.says("", "stat -c %u /home/eva", "1001\n")
}

// says runs a command as an account; "" is root.
func (m *machine) says(user, command, want string) {
	m.t.Helper()
	ctx, cancel := m.Budget(context.Background(), bootBudget)
	defer cancel()
	node := m.node
	node.User = user
	if r := node.Run(ctx, command, nil); r.Err != nil || r.Stdout != want {
		m.t.Errorf("%s: %s: %v\n%q, want %q\n%s", user, command, r.Err, r.Stdout, want, r.Stderr)
	}
}

// refused requires that an account cannot log in.
func (m *machine) refused(user string) {
	m.t.Helper()
	ctx, cancel := m.Budget(context.Background(), bootBudget)
	defer cancel()
	node := m.node
	node.User = user
	if r := node.Run(ctx, "true", nil); r.Err == nil || !strings.Contains(r.Err.Error(), "unable to authenticate") {
		m.t.Errorf("%s is not refused: %v", user, r.Err)
	}
}
