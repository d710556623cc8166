// Package datastore serves the etcd API from one SQLite file, with kine's server on a local socket. It supports no
// other database and makes no backups.
package datastore

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/k3s-io/kine/pkg/drivers"
	"github.com/k3s-io/kine/pkg/drivers/sqlite"
	"github.com/k3s-io/kine/pkg/server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

const (
	// etcdVersion is the version reported to the API server: the first one with progress notifications, which its watch
	// cache needs.
	etcdVersion    = "3.6.11"
	notifyInterval = 5 * time.Second
	// maxRequest is etcd's own limit plus overhead: objects that etcd refuses must be refused here too.
	maxRequest = 2 << 20
	maxReply   = 1<<31 - 1
)

// params are SQLite's settings. kine's default is synchronous=NORMAL, which loses acknowledged writes at a power cut;
// FULL syncs the log at every commit. kine's shared cache is omitted: it makes readers wait for the writer, which the
// write-ahead log avoids. The rest is kine's default.
const params = "_journal_mode=WAL&_busy_timeout=30000&_synchronous=FULL&_txlock=immediate&_stmt_cache_size=20"

// Store is a running datastore.
type Store struct {
	listener net.Listener
	grpc     *grpc.Server
	backend  server.Backend
	wait     sync.WaitGroup
	cancel   context.CancelFunc
}

// Socket returns the path of the datastore's socket.
func Socket(serverDir string) string { return filepath.Join(serverDir, "kine.sock") }

// Open opens or creates the database below the server's directory. The socket answers once Serve runs. A reserve of
// disk space beside the database is deleted when the disk is full, because without an open datastore nothing could free
// space.
func Open(serverDir string) (*Store, error) {
	db := filepath.Join(serverDir, "db")
	if err := os.MkdirAll(db, 0o700); err != nil {
		return nil, err
	}
	giveBack(db) // first, because kine retries for five minutes if a database cannot be opened
	s, err := start(db)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", db, err)
	}
	take(db)
	if s.listener, err = listen(Socket(serverDir)); err != nil {
		s.cancel()
		return nil, err
	}
	s.grpc = grpc.NewServer(
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second}),
		grpc.MaxRecvMsgSize(maxRequest), grpc.MaxSendMsgSize(maxReply))
	server.New(s.backend, "unix", notifyInterval, etcdVersion).Register(s.grpc)
	return s, nil
}

// start opens the database and starts kine's background tasks.
func start(db string) (*Store, error) {
	// The datastore has its own context, so that components that are stopped before it can still write.
	ctx, cancel := context.WithCancel(context.Background())
	s := &Store{cancel: cancel}
	backend, _, err := sqlite.NewVariant(ctx, &s.wait, "sqlite3", settings(filepath.Join(db, "state.db")))
	if err == nil {
		err = backend.Start(ctx)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	s.backend = backend
	return s, nil
}

func settings(file string) *drivers.Config {
	c := &drivers.Config{
		DataSourceName:   file + "?" + params,
		CompactTimeout:   5 * time.Second,
		CompactMinRetain: 1000,
		CompactBatchSize: 1000,
		PollBatchSize:    500,
		PollInterval:     time.Second,
	}
	c.ConnectionPoolConfig.MaxIdle = 5
	c.ConnectionPoolConfig.MaxIdleTime = 2 * time.Minute
	return c
}

// listen replaces a socket that a killed process left.
func listen(path string) (net.Listener, error) {
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}

// Serve serves until the context ends, and then closes the database.
func (s *Store) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.grpc.Serve(s.listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.grpc.Stop()
	}
	s.cancel()
	s.wait.Wait()
	return err
}
