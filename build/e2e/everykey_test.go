package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/proa-os/proa/build/qemu"
)

// TestEveryKeyHasALook: each key of the manual is looked at on a machine, or by a test that exists.
func TestEveryKeyHasALook(t *testing.T) {
	manual, err := os.ReadFile("../../config/REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, l := range slices.Concat(onServer, onServerNetwork, onPlain, onAgent, elsewhere) {
		seen[l.key]++
		if l.command == "" {
			exists(t, l.want)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z][^`]*)` \\| ([^|]*) \\|").FindAllStringSubmatch(string(manual), -1)
	for _, row := range rows {
		if key, kind := row[1], row[2]; !strings.HasSuffix(kind, "keys") {
			if seen[key] != 1 {
				t.Errorf("%s: %d looks", key, seen[key])
			}
			delete(seen, key)
		}
	}
	if len(rows) < 100 || len(seen) > 0 {
		t.Errorf("%d keys in the manual; not in it: %v", len(rows), seen)
	}
}

// exists requires the test of a package.
func exists(t *testing.T, test string) {
	t.Helper()
	dir, name, _ := strings.Cut(test, " ")
	files, _ := filepath.Glob(filepath.Join("../..", dir, "*_test.go"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "func "+name+"(") {
			return
		}
	}
	t.Errorf("no %s in %s", name, dir)
}

// TestEveryKey boots a machine with five adapters whose configuration has nearly every key, and looks at the effect of
// each: files, the kernel's state, the node, logins.
func TestEveryKey(t *testing.T) {
	needs(t, "keys")
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	cert := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	m := prepare(t, withKeys(t, "server", "%CERT%", strconv.Quote(cert)))
	m.spec.Cards = []string{"e1000e", "virtio-net-pci", "virtio-net-pci", "e1000"}
	m.powerOn()
	m.expect(" is up", bootBudget) // the final message
	m.until("proa status", " run_cmd succeeded", bootBudget)
	m.says("ada", "sudo -n id -u", "0\n")
	m.passwordWorks("ada", "fair winds")
	for _, l := range onServerNetwork {
		m.shows(l)
	}
	m.nodeReady()
	for _, l := range onServer {
		m.shows(l, "%BODY%", strings.Split(cert, "\n")[3])
	}
	m.off()
}

// TestEveryKeyPlain: the keys of a machine without Kubernetes, which gets more configuration from an address, and is
// switched off once its first boot is done.
func TestEveryKeyPlain(t *testing.T) {
	needs(t, "keys")
	sum := sha256.Sum256([]byte("sysctls: {vm.swappiness: 33}\n"))
	m := start(t, withKeys(t, "plain", "%SUM%", hex.EncodeToString(sum[:])))
	for _, l := range onPlain {
		m.shows(l)
	}
	m.expect("power: poweroff in 2 minutes", bootBudget)
	before := m.Mark()
	m.expectAfter(before, "fair winds", bootBudget)
	ctx, cancel := m.Budget(context.Background(), bootBudget)
	defer cancel()
	if err := m.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestEveryKeyAgent: an agent looks for its server.
func TestEveryKeyAgent(t *testing.T) {
	needs(t, "keys")
	m := start(t, withKeys(t, "agent"))
	for _, l := range onAgent {
		m.shows(l)
	}
	m.off()
}

// withKeys are the options of a machine with a file of testdata/keys.
func withKeys(t *testing.T, name string, replaced ...string) options {
	t.Helper()
	text, err := os.ReadFile("testdata/keys/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return options{kind: "img", firmware: qemu.UEFI, medium: qemu.Disk, memory: 3072, restrict: true, config: strings.NewReplacer(replaced...).Replace(string(text))}
}

// shows requires that a command prints what it shall, soon.
func (m *machine) shows(l look, replaced ...string) {
	m.t.Helper()
	if l.command == "" {
		return
	}
	_, err := m.repeat(strings.NewReplacer(replaced...).Replace(l.command), fmt.Sprintf("%q", l.want), func(text string) error {
		if text != l.want {
			return fmt.Errorf("%q", text)
		}
		return nil
	}, time.Minute)
	if err != nil {
		m.t.Errorf("%s: %v", l.key, err)
	}
}

// passwordWorks requires that an account logs in with its password.
func (m *machine) passwordWorks(user, password string) {
	m.t.Helper()
	client, err := ssh.Dial("tcp", m.node.Addr, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.Password(password)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: time.Minute})
	if err != nil {
		m.t.Errorf("%s: the password: %v", user, err)
		return
	}
	client.Close()
}
