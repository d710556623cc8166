// Package kine serves the etcd API from one SQLite file, with kine's server on a local socket. It supports no other
// database. A copy is made only when somebody asks for it.
package kine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// Store is the datastore of one server (datastore.Store).
type Store struct {
	dir string // the server's directory
}

// At returns the datastore with its database and socket below the server's directory. It touches no file.
func At(serverDir string) Store { return Store{serverDir} }

// Endpoint returns the URL of the local socket.
func (s Store) Endpoint() string { return "unix://" + s.socket() }

// Exists returns the database's path, "" if there is none.
func (s Store) Exists() (string, error) {
	_, err := os.Lstat(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return s.file(), err
}

// Run opens or creates the database, and serves it until the context ends.
func (s Store) Run(ctx context.Context) error {
	open, err := s.open()
	if err != nil {
		return err
	}
	return open.serve(ctx)
}

func (s Store) socket() string { return filepath.Join(s.dir, "kine.sock") }
func (s Store) db() string     { return filepath.Join(s.dir, "db") }
func (s Store) file() string   { return filepath.Join(s.db(), "state.db") }

// File is the path of the database.
func (s Store) File() string { return s.file() }

// service is an open database and its server.
type service struct {
	listener net.Listener
	grpc     *grpc.Server
	backend  server.Backend
	wait     sync.WaitGroup
	cancel   context.CancelFunc
}

// open opens or creates the database. The socket answers once serve runs. A reserve of disk space beside the database is
// deleted when the disk is full, because without an open datastore nothing could free space.
func (s Store) open() (*service, error) {
	if err := os.MkdirAll(s.db(), 0o700); err != nil {
		return nil, err
	}
	giveBack(s.db()) // first, because kine retries for five minutes if a database cannot be opened
	open, err := start(s.file())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.db(), err)
	}
	take(s.db())
	if open.listener, err = listen(s.socket()); err != nil {
		open.cancel()
		return nil, err
	}
	open.grpc = grpc.NewServer(
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second}),
		grpc.MaxRecvMsgSize(maxRequest), grpc.MaxSendMsgSize(maxReply))
	server.New(open.backend, "unix", notifyInterval, etcdVersion).Register(open.grpc)
	return open, nil
}

// start opens the database and starts kine's background tasks.
func start(file string) (*service, error) {
	// The datastore has its own context, so that components that are stopped before it can still write.
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{cancel: cancel}
	backend, _, err := sqlite.NewVariant(ctx, &s.wait, "sqlite3", settings(file))
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

// serve serves until the context ends, and then closes the database.
func (s *service) serve(ctx context.Context) error {
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
