package node

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// criServer has pods and records what is done to them. The behaviour of containerd and kubelet is tested on a machine:
// TestClock in build/e2e.
type criServer struct {
	cri.UnimplementedRuntimeServiceServer
	pods       []*cri.PodSandbox
	containers []*cri.Container
	images     cri.ImageServiceServer // nil: none

	mu   sync.Mutex
	done []string
}

func (s *criServer) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, what)
}

func (s *criServer) ListPodSandbox(context.Context, *cri.ListPodSandboxRequest) (*cri.ListPodSandboxResponse, error) {
	return &cri.ListPodSandboxResponse{Items: s.pods}, nil
}

func (s *criServer) ListContainers(context.Context, *cri.ListContainersRequest) (*cri.ListContainersResponse, error) {
	return &cri.ListContainersResponse{Containers: s.containers}, nil
}

func (s *criServer) StopContainer(_ context.Context, r *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	s.note("stop container " + r.ContainerId)
	return &cri.StopContainerResponse{}, nil
}

func (s *criServer) StopPodSandbox(_ context.Context, r *cri.StopPodSandboxRequest) (*cri.StopPodSandboxResponse, error) {
	s.note("stop pod " + r.PodSandboxId)
	return &cri.StopPodSandboxResponse{}, nil
}

func (s *criServer) RemovePodSandbox(_ context.Context, r *cri.RemovePodSandboxRequest) (*cri.RemovePodSandboxResponse, error) {
	s.note("remove pod " + r.PodSandboxId)
	return &cri.RemovePodSandboxResponse{}, nil
}

func (s *criServer) serve(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "cri.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	cri.RegisterRuntimeServiceServer(g, s)
	if s.images != nil {
		cri.RegisterImageServiceServer(g, s.images)
	}
	go func() { _ = g.Serve(l) }()
	t.Cleanup(g.Stop)
	return socket
}

// TestEndFuturePods: pods created while the clock was ahead are removed, with containers from before the machine's
// restart; current ones stay.
func TestEndFuturePods(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	pod := func(id, name string, made time.Duration) *cri.PodSandbox {
		return &cri.PodSandbox{Id: id, Metadata: &cri.PodSandboxMetadata{Namespace: "default", Name: name}, CreatedAt: now.Add(made).UnixNano()}
	}
	container := func(id, sandbox string, made time.Duration, state cri.ContainerState) *cri.Container {
		return &cri.Container{Id: id, PodSandboxId: sandbox, CreatedAt: now.Add(made).UnixNano(), State: state}
	}
	const year = 365 * 24 * time.Hour
	running, exited := cri.ContainerState_CONTAINER_RUNNING, cri.ContainerState_CONTAINER_EXITED
	s := &criServer{
		pods: []*cri.PodSandbox{pod("p1", "old", -year), pod("p2", "slewed", 30*time.Second), pod("p3", "future", 4*year), pod("p4", "future", 3*year), pod("p5", "restarted", -year)},
		containers: []*cri.Container{container("c1", "p1", -year, running), container("c2", "p2", 40*time.Second, running), container("c3", "p3", 4*year, running),
			container("c4", "p4", 3*year, exited), container("c5", "p5", -year, exited), container("c6", "p5", 2*time.Minute, running)},
	}
	names, err := testNode(t, "--containerd-socket="+s.serve(t)).EndFuturePods(context.Background(), now)
	if got := strings.Join(names, " "); err != nil || got != "default/future default/restarted" {
		t.Errorf("%q, %v", got, err)
	}
	slices.Sort(s.done)
	if got := strings.Join(s.done, ", "); got != "remove pod p3, remove pod p4, remove pod p5, stop container c3, stop container c6, stop pod p3, stop pod p4, stop pod p5" {
		t.Errorf("done: %s", got)
	}
}
