package runtime

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	// certificateLook is the interval for checking certificates while the cluster runs, in addition to checks after
	// each step of the clock.
	certificateLook = time.Hour
	// maxBack is how far back the clock may be set under a running cluster. Beyond it, tokens of service accounts and
	// the API server's own certificate would not be valid yet, and their holders do not request new ones before they
	// expire. Tokens may be a minute ahead (go-jose, jwt.DefaultLeeway), and so may pods (node.EndFuturePods, which the
	// next start calls).
	maxBack = time.Minute
	// maxForward is less than the validity of the API server's loopback certificate, which exists in memory only.
	maxForward = 2 * 365 * 24 * time.Hour
)

// keepCertificates renews certificates while the cluster runs. Their users reload the files, the API server within a
// minute, clients within five; certificates that cannot be reloaded need a restart of the process.
func (s *Server) keepCertificates(ctx context.Context) error {
	stepped, err := watchSteps(ctx)
	if err != nil {
		s.notify.Problem("clock", fmt.Sprintf("clock: cannot subscribe to clock steps, polling every %s: %v", s.look, err))
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stepped:
		case <-time.After(s.look):
		}
		if why := s.lookAtCertificates(ctx); why != "" {
			return restart{why}
		}
	}
}

// lookAtCertificates renews certificates that are due, and returns why the process must restart, if it must.
func (s *Server) lookAtCertificates(ctx context.Context) (why string) {
	id, now := s.identities(), s.now()
	forward, back := s.steps.look(now, sinceBoot())
	ended := id.Ended(now)
	renewed, err := id.Ensure(ctx, now)
	if err == nil && len(renewed) > 0 {
		s.notify.Status("certificates: renewed: %s", strings.Join(renewed, " "))
		err = s.plane.WriteKubeconfigs()
	}
	if err != nil {
		s.notify.Problem("certificates", fmt.Sprintf("certificates: %v", err))
		return ""
	}
	s.notify.Solved("certificates")
	switch {
	case back > maxBack:
		return fmt.Sprintf("the clock was set back by %s", back.Round(time.Second))
	case forward > maxForward:
		return fmt.Sprintf("the clock was set forward by %s", forward.Round(time.Second))
	case len(ended) > 0:
		return fmt.Sprintf("expired certificates were renewed: %s", strings.Join(ended, " "))
	}
	return ""
}

// followAddress returns a restart when the node's address has changed: certificates, the API's endpoints and the
// settings of kubelet, flannel and the API server depend on it.
func (s *Server) followAddress(ctx context.Context) error {
	next, err := s.node.Follow(ctx, s.config)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		s.notify.Problem("address", fmt.Sprintf("network: cannot subscribe to the node's addresses: %v", err))
		<-ctx.Done()
		return nil
	}
	return restart{fmt.Sprintf("the node's address is %s on %s now, no longer %s on %s", next.IP, next.Iface, s.node.IP, s.node.Iface)}
}

func (s *Server) followNameServers(ctx context.Context) error {
	s.node.FollowNameServers(ctx, func(err error) {
		if err != nil {
			s.notify.Problem("name servers", fmt.Sprintf("name servers for pods: %v", err))
			return
		}
		s.notify.Solved("name servers")
	})
	return nil
}
