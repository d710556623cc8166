package runtime

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/k3s/address"
	"github.com/proa-os/proa/k3s/controlplane"
	"github.com/proa-os/proa/k3s/deploy"
	"github.com/proa-os/proa/k3s/lifecycle"
	"github.com/proa-os/proa/k3s/node"
	"github.com/proa-os/proa/k3s/pki"
	"github.com/proa-os/proa/k3s/token"
)

// row is a step before the first component starts.
type row struct {
	name   string
	roles  lifecycle.Role // whose step it is
	run    func(*Server, context.Context) error
	policy step.Policy
	limit  time.Duration
}

// preparation is the list of steps in order; a machine has those of its role. A step may depend on those before it; an error ends the process, and so
// does a step that hangs: the supervisor reports which one, and starts the process again.
var preparation = []row{
	{"logging", both, (*Server).logging, step.Halt, patience},
	{"folders", both, (*Server).folders, step.Halt, patience},
	{"way-back", server, (*Server).wayBack, step.Halt, startWait}, // reads all of the datastore after a fall-back
	{"kernel", agent, (*Server).kernel, step.Halt, patience},
	{"identity", both, (*Server).identity, step.Halt, 0}, // waits for a network, which may come at any time
	{"node-name", both, (*Server).nodeName, step.Halt, patience},
	{"labels", both, (*Server).refusedWords, step.Halt, patience},
	{"service-route", agent, (*Server).serviceRoute, step.Halt, patience},
	{"certificates", both, (*Server).certificates, step.Halt, patience},
	{"token", server, (*Server).token, step.Halt, patience},
	{"kubeconfigs", server, (*Server).kubeconfigs, step.Halt, patience},
	{"node-files", both, (*Server).nodeFiles, step.Halt, patience},
	{"manifest-files", server, (*Server).manifestFiles, step.Halt, patience},
}

// patience is how long a step may take that works with local files and the kernel only. It is for disks ten times slower
// than any known: it ends what hangs, not what is slow.
const patience = 10 * time.Minute

// Prepare runs the preparation only, for a program that runs the components elsewhere (k3s/bench).
func (s *Server) Prepare(ctx context.Context) (controlplane.Plane, node.Node, error) {
	err := s.prepare(ctx)
	return s.plane, s.node, err
}

func (s *Server) prepare(ctx context.Context) error { return s.runSteps(ctx, preparation) }

// runSteps runs a list and saves its timeline; an error has the name of the step.
func (s *Server) runSteps(ctx context.Context, list []row) error {
	var steps []step.Step[*Server]
	for _, r := range list {
		if !s.role().Is(r.roles) {
			continue
		}
		do := func(ctx context.Context, s *Server) error { return r.run(s, ctx) }
		steps = append(steps, step.Step[*Server]{Name: r.name, Func: do, Policy: r.policy, Limit: r.limit})
	}
	done, err := step.Run(ctx, step.Runner{List: "k3s", Clock: sinceBoot, Bounded: true}, steps, s)
	if saving := saveTimeline(s.timeline, done); saving != nil {
		fmt.Fprintln(os.Stderr, "k3s: timeline:", saving) // the runtime works without it
	}
	return err
}

func saveTimeline(path string, done []step.Result) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return err
	}
	return atomicfile.Write(path, step.Encode(done), 0o600)
}

// logging sends the log to standard error, which the supervisor stores and rotates, and the reason of an exit to the
// supervisor too.
func (s *Server) logging(context.Context) error {
	return logTo(os.Stderr, s.config.Verbosity, func(why string) {
		s.notify.Failed("kubernetes: %s", why)
		os.Exit(1)
	})
}

// folders creates the directories. The working directory is K3s's too; nothing is written relative to it.
func (s *Server) folders(context.Context) error {
	if err := mkdirs(s.config.Path("server"), s.config.Path("agent"), s.config.Path("storage")); err != nil {
		return err
	}
	// Pods with local volumes must be able to traverse these.
	for _, dir := range []string{s.config.DataDir, s.config.Path("storage")} {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	return os.Chdir(s.config.Path("server"))
}

func (s *Server) kernel(context.Context) error {
	for _, problem := range node.Kernel() {
		fmt.Fprintln(os.Stderr, "k3s: kernel:", problem)
	}
	return nil
}

func (s *Server) identity(ctx context.Context) error {
	id, err := address.Identify(ctx, s.config, func(reason error) {
		s.notify.Status("network: waiting: %v", reason)
	})
	if err != nil {
		return err
	}
	s.node = node.Node{Config: s.config, Identity: id}
	s.plane = controlplane.Plane{
		Config: s.config, NodeIP: id.IP, Datastore: s.store.Endpoint(), Report: s.notify,
	}
	return nil
}

func (s *Server) serviceRoute(context.Context) error { return s.node.ServiceRoute() }

func (s *Server) certificates(ctx context.Context) error {
	renewed, err := s.identities().Ensure(ctx, s.now())
	if len(renewed) > 0 {
		s.notify.Status("certificates: new: %s", strings.Join(renewed, " "))
	}
	if err != nil {
		s.notify.Problem("certificates", fmt.Sprintf("certificates: %v", err))
	}
	return err
}

// identities returns the contents of this server's certificates, and of its node's.
func (s *Server) identities() pki.Server {
	return pki.Server{
		Node: pki.Node{
			DataDir: s.config.DataDir, NodeName: s.node.Name, NodeIP: s.node.IP, Built: releasefile.Built("/"), Report: s.notify,
		},
		Domain: s.config.ClusterDomain, Service: s.config.APIServiceIP().String(),
		SANs:     append(slices.Clone(s.config.TLSSan), s.config.AdvertiseAddress, s.hostName),
		Database: s.store.Exists,
	}
}

func (s *Server) token(context.Context) error {
	bundle, err := os.ReadFile(s.config.Path("server", "tls", "server-ca.crt"))
	if err != nil {
		return err
	}
	return token.Ensure(s.config.Path("server"), s.config.Token, bundle)
}

func (s *Server) kubeconfigs(context.Context) error { return s.plane.WriteKubeconfigs() }

func (s *Server) nodeFiles(context.Context) error { return s.node.Files(s.notify) }

// manifestFiles writes the packaged manifests and replaces K3s's variables, so that K3s's own manifests work here.
func (s *Server) manifestFiles(context.Context) error {
	return deploy.Stage(s.config.PackagedManifests, s.manifestDir(), map[string]string{
		"CLUSTER_DNS":                s.config.ClusterDNS,
		"CLUSTER_DNS_LIST":           "[" + s.config.ClusterDNS + "]",
		"CLUSTER_DNS_IPFAMILYPOLICY": "SingleStack",
		"CLUSTER_DOMAIN":             s.config.ClusterDomain,
		"DEFAULT_LOCAL_STORAGE_PATH": s.config.Path("storage"),
		"NAME_SERVER_DIR":            s.node.NameServerDir(),
		"NODE_NAME":                  s.node.Name,
		"NODE_IP":                    s.node.IP,
	}, s.config.Disable, s.notify)
}
