package runtime

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/notify"
	"github.com/proa-os/proa/k3s/pki"
)

// TestNodeKeepsItsName: in an existing cluster a new host name does not make another node, also if an earlier version
// stored no name, or the file was damaged.
func TestNodeKeepsItsName(t *testing.T) {
	dir := t.TempDir()
	file, db := filepath.Join(dir, "agent/node-name"), filepath.Join(dir, "server/db/state.db")
	called := func(host string) string {
		t.Helper()
		s := New(&flags.Config{DataDir: dir}, &notify.Notifier{})
		s.node.Config, s.node.Identity = s.config, address.Identity{Name: host, IP: "10.0.2.15", Iface: "eth0"}
		if err := s.nodeName(context.Background()); err != nil {
			t.Fatal(err)
		}
		if s.hostName != host {
			t.Errorf("the certificate does not name the host %s", host)
		}
		return s.node.Name
	}
	must(t, os.MkdirAll(filepath.Dir(file), 0o700))
	must(t, os.MkdirAll(filepath.Dir(db), 0o700))
	if called("a") != "a" || called("b") != "b" {
		t.Error("before there is a cluster the name is free")
	}
	must(t, os.WriteFile(db, []byte(rand.Text()), 0o600))
	if got := called("c"); got != "b" {
		t.Errorf("with a cluster: %s", got)
	}
	id := pki.Server{Node: pki.Node{DataDir: filepath.Join(dir, "other"), NodeName: "b"}}
	_, err := id.Ensure(t.Context(), time.Now())
	must(t, err)
	must(t, os.Rename(filepath.Join(dir, "other/agent/client-kubelet.crt"), filepath.Join(dir, "agent/client-kubelet.crt")))
	for name, damage := range map[string]func() error{
		"no file": func() error { return os.Remove(file) },
		"empty":   func() error { return os.WriteFile(file, nil, 0o644) },
		"garbage": func() error { return os.WriteFile(file, []byte("\x00\x00"), 0o644) },
	} {
		must(t, damage())
		if got := called("c"); got != "b" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
