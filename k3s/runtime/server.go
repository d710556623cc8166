package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/k3s/controlplane"
	"github.com/proa-os/proa/k3s/datastore"
	"github.com/proa-os/proa/k3s/deploy"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/lifecycle"
	"github.com/proa-os/proa/k3s/node"
	"github.com/proa-os/proa/k3s/notify"
)

// Server is a whole cluster on this machine: control plane and node.
type Server struct {
	config *flags.Config
	notify *notify.Notifier
	store  datastore.Store
	plane  controlplane.Plane
	node   node.Node

	timeline string           // file for the timeline of the preparation
	hostName string           // name for a node that has none yet
	now      func() time.Time // the clock, and the interval for checking certificates; tests replace both
	look     time.Duration
	steps    steps

	powerOff         atomic.Bool // the machine shuts down: stop the pods too
	imagesImported   latch
	manifestsApplied latch
	futurePodsEnded  latch
	roomMade         latch
}

// latch is a flag that is set once.
type latch struct{ up atomic.Bool }

func (f *latch) check(context.Context) error {
	if f.up.Load() {
		return nil
	}
	return fmt.Errorf("not yet")
}

// Serve prepares the machine, runs the components until the context ends or one fails, and stops them.
func (s *Server) Serve(ctx context.Context) error {
	collect(gcStarting)
	if err := s.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		s.notify.Failed("%v", err)
		return err
	}
	err := lifecycle.Run(ctx, s.notify, lifecycle.Of(s.role(), s.components()))
	if errors.As(err, new(lifecycle.Restart)) {
		return nil // the supervisor restarts the process
	}
	return err
}

func (s *Server) datastore(ctx context.Context) error { return s.store.Run(ctx) }

// admin returns the client configuration of the runtime's own clients.
func (s *Server) admin() (*rest.Config, error) {
	return clientcmd.BuildConfigFromFlags("", s.plane.AdminKubeconfig())
}

func (s *Server) manifests(ctx context.Context) error {
	config, err := s.admin()
	if err != nil {
		return err
	}
	d, err := deploy.New(config, s.manifestDir(), s.notify, func(format string, args ...any) {
		s.notify.Status("manifests: "+format, args...)
	})
	if err != nil {
		return err
	}
	return d.Run(ctx, func() { s.manifestsApplied.up.Store(true) })
}

func (s *Server) manifestDir() string { return s.config.Path("server", "manifests") }

func (s *Server) images(ctx context.Context) error {
	began := time.Now()
	all := s.node.Images(s.notify, func(file string) { s.notify.Status("images: importing %s", file) })
	return all.Run(ctx, func() {
		s.notify.Status("images: all archives checked after %s", time.Since(began).Round(time.Millisecond))
		s.imagesImported.up.Store(true)
	})
}

// pods waits for the end; if the machine shuts down it then stops the pods.
func (s *Server) pods(ctx context.Context) error {
	<-ctx.Done()
	if !s.powerOff.Load() {
		return nil
	}
	s.notify.Status("pods: stopping")
	if err := s.node.StopPods(context.WithoutCancel(ctx)); err != nil {
		s.notify.Status("pods: %v", err)
	}
	return nil
}

// futurePods removes pods with a creation time in the future, before the kubelet sees them.
func (s *Server) futurePods(ctx context.Context) error {
	names, err := s.node.EndFuturePods(ctx, s.now())
	if len(names) > 0 {
		s.notify.Status("pods: recreated, their creation time lies in the future since the clock was set back: %s", strings.Join(names, " "))
	}
	if err != nil {
		s.notify.Problem("future pods", fmt.Sprintf("pods: recreate those created before the clock was set back: %v", err))
	}
	s.futurePodsEnded.up.Store(true)
	<-ctx.Done()
	return nil
}

// makeRoom removes unused images from a nearly full disk, so that the kubelet does not evict pods.
func (s *Server) makeRoom(ctx context.Context) error {
	removed, err := s.node.MakeRoom(ctx)
	if len(removed) > 0 {
		s.notify.Status("image garbage collection: data was nearly full, removed unused images: %s", strings.Join(removed, " "))
	}
	if err != nil {
		s.notify.Problem("room", fmt.Sprintf("make room on data before pods are evicted: %v", err))
	}
	s.roomMade.up.Store(true)
	<-ctx.Done()
	return nil
}

// PowerOff makes the next stop stop the pods too.
func (s *Server) PowerOff() { s.powerOff.Store(true) }

// New returns the server for a configuration.
func New(config *flags.Config, n *notify.Notifier) *Server {
	return &Server{
		config: config, notify: n, store: datastore.At(config.Path("server")),
		now: wallClock, look: certificateLook, steps: beginSteps(wallClock(), sinceBoot()),
		timeline: k3sflags.TimelineFile,
	}
}

func mkdirs(paths ...string) error {
	for _, p := range paths {
		if err := os.MkdirAll(filepath.Clean(p), 0o700); err != nil {
			return err
		}
	}
	return nil
}
