package node

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestStopPodsWithoutContainerd(t *testing.T) {
	n := testNode(t, "--containerd-socket="+filepath.Join(t.TempDir(), "none.sock"))
	began := time.Now()
	if err := n.StopPods(context.Background()); err == nil {
		t.Error("no error, though nobody could be asked")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}

// If containerd accepts the connection and never answers, StopPods returns after the list timeout.
func TestStopPodsWithMuteContainerd(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "mute.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	began := time.Now()
	if err := testNode(t, "--containerd-socket="+socket).StopPods(context.Background()); err == nil {
		t.Error("no error, though nobody answered")
	}
	if took := time.Since(began); took > listWait+2*time.Second {
		t.Errorf("took %s", took)
	}
}
