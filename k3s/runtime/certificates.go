package runtime

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	// certificateLook is how often certificates are looked at while the cluster runs, besides after each step of the clock.
	certificateLook = time.Hour
	// maxBack is how far back the clock may be set under a running cluster: tokens of service accounts and the API server's own
	// certificate would not be valid yet, and those who hold them do not ask for others before they end. Tokens may be a minute ahead
	// (go-jose, jwt.DefaultLeeway), pods as well (node.EndFuturePods, which the next start calls).
	maxBack = time.Minute
	// maxForward is less than the life of the certificate with which the API server talks to itself, which is in memory only.
	maxForward = 2 * 365 * 24 * time.Hour
)

// keepCertificates renews them while the cluster runs. Files are read again by those who use them, the API server's within a minute,
// clients' within five; what cannot be read again needs the process to start anew.
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
		if why := s.lookAtCertificates(); why != "" {
			return restart{why}
		}
	}
}

// lookAtCertificates renews what is due, and says why the process must start anew, if it must.
func (s *Server) lookAtCertificates() (why string) {
	id, now := s.identities(), s.now()
	step := s.stepped(now)
	ended := id.Ended(now)
	renewed, err := id.Ensure(now)
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
	case step < -maxBack:
		return fmt.Sprintf("the clock was set back by %s", -step.Round(time.Second))
	case step > maxForward:
		return fmt.Sprintf("the clock was set forward by %s", step.Round(time.Second))
	case len(ended) > 0:
		return fmt.Sprintf("expired certificates were renewed: %s", strings.Join(ended, " "))
	}
	return ""
}

// stepped is by how much the clock was set since we began. Its being slewed does not count: the time since boot is slewed with it.
func (s *Server) stepped(now time.Time) time.Duration {
	return now.Round(0).Add(-sinceBoot()).Sub(s.bootTime)
}

// followAddress ends with the reason when the node's address is another one: certificates, the endpoints of the API and what kubelet,
// flannel and the API server were told at their start hang on it.
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
