package runtime

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/proa-os/proa/k3s/lifecycle"
	"github.com/proa-os/proa/k3s/pki"
)

const (
	// certificateLook is the interval for renewing certificates while the cluster runs. The first time is after the
	// components have started (startWait), see lookAtCertificates.
	certificateLook = time.Hour
	// maxBack is how far back the clock may be set under a running cluster. Beyond it, tokens of service accounts and
	// the API server's own certificate would not be valid yet, and their holders do not request new ones before they
	// expire. Tokens may be a minute ahead (go-jose, jwt.DefaultLeeway), and so may pods (node.EndFuturePods, which the
	// next start calls).
	maxBack = time.Minute
	// maxForward is less than the validity of the API server's loopback certificate, which exists in memory only.
	maxForward = 2 * 365 * 24 * time.Hour
)

// keepCertificates renews certificates while the cluster runs, and looks at them after each step of the clock. Their
// users reload the files, the API server within a minute, clients within five; certificates that cannot be reloaded need
// a restart of the process.
func (s *Server) keepCertificates(ctx context.Context) error {
	stepped, err := watchSteps(ctx)
	if err != nil {
		s.notify.Problem("clock", fmt.Sprintf("clock: cannot subscribe to clock steps, polling every %s: %v", s.look, err))
	}
	renewal := time.NewTicker(s.look)
	defer renewal.Stop()
	for {
		renew := false
		select {
		case <-ctx.Done():
			return nil
		case <-stepped:
		case <-renewal.C:
			renew = true
		}
		if why := s.lookAtCertificates(ctx, renew); why != "" {
			return lifecycle.Restart{Why: why}
		}
	}
}

// lookAtCertificates returns why the process must restart, if it must. With renew it renews the certificates that are
// due; without, only if one has expired or would before the next renewal. A client that loads a new certificate closes
// its connections (client-go, transport/cert_rotation.go), and a request that fails by that ends a controller manager
// that is starting, and the process with it. A step of the clock is likely just then: after boot, once the time is known.
func (s *Server) lookAtCertificates(ctx context.Context, renew bool) (why string) {
	id, now := s.identities(), s.now()
	forward, back := s.steps.look(now, sinceBoot())
	ended := id.Ended(now)
	if renew || len(ended) > 0 || len(id.Ended(now.Add(s.look))) > 0 {
		if err := s.renewCertificates(ctx, id, now); err != nil {
			s.notify.Problem("certificates", fmt.Sprintf("certificates: %v", err))
			return ""
		}
		s.notify.Solved("certificates")
	}
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

// renewCertificates renews the certificates that are due, and the kubeconfigs that contain them.
func (s *Server) renewCertificates(ctx context.Context, id pki.Server, now time.Time) error {
	renewed, err := id.Ensure(ctx, now)
	if err != nil || len(renewed) == 0 {
		return err
	}
	s.notify.Status("certificates: renewed: %s", strings.Join(renewed, " "))
	return s.plane.WriteKubeconfigs()
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
	return lifecycle.Restart{Why: fmt.Sprintf("the node's address is %s on %s now, no longer %s on %s", next.IP, next.Iface, s.node.IP, s.node.Iface)}
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
