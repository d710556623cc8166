package datastore

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/proa-os/proa/config/k3sflags"
)

// TestStore: a store keeps what the interface says, from before the first start until it is stopped.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	s := At(dir)
	if path, err := s.Exists(); path != "" || err != nil {
		t.Errorf("before the first start there is %q, %v", path, err)
	}
	if err := s.Check(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("check of no database: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	put(t, s.Endpoint())
	if path, err := s.Exists(); !strings.HasPrefix(path, dir) || err != nil {
		t.Errorf("once it runs there is %q, %v", path, err)
	}
	if err := s.Check(); err != nil {
		t.Errorf("check beside the server: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDatabase: others know where the database of a server is.
func TestDatabase(t *testing.T) {
	if got, want := At("/data/server").File(), "/data/"+k3sflags.Database; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// put writes a key as soon as the endpoint answers.
func put(t *testing.T, endpoint string) {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 300 {
		if _, err = client.Put(t.Context(), "/registry/pods/a", "one"); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal(err)
}
