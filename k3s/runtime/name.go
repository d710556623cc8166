package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/k3s/pki"
)

// nodeName keeps the node's name in its cluster, even if the host name changes: another name would be another node, and
// the pods and local volumes of this one would be stranded.
func (s *Server) nodeName(context.Context) error {
	wanted, file := s.node.Name, s.config.Path("agent", "node-name")
	s.hostName = wanted
	name, err := s.knownName(file)
	if err != nil {
		return err
	}
	if name == "" {
		name = wanted
	}
	if name != wanted {
		s.notify.Problem("node name", fmt.Sprintf("node name: stays %s, not %s: its pods and volumes are tied to it. To rename it all the same: "+
			"save what its local volumes hold, k3s kubectl delete node %[1]s, rm %[3]s, proa restart k3s", name, wanted, file))
	}
	s.node.Name = name
	s.notify.Node(name, s.node.IP)
	_, err = atomicfile.WriteIfChanged(file, []byte(name+"\n"), 0o644)
	return err
}

// knownName returns the node's existing name, "" for a new cluster. Without the file it is taken from the kubelet's
// certificate.
func (s *Server) knownName(file string) (string, error) {
	if database, err := s.store.Exists(); database == "" || err != nil {
		return "", err
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return pki.NodeOf(s.config.Path("agent", "client-kubelet.crt")), nil
	}
	name := strings.TrimSpace(string(data))
	if wrong := validation.IsDNS1123Subdomain(name); err == nil && len(wrong) > 0 {
		if of := pki.NodeOf(s.config.Path("agent", "client-kubelet.crt")); of != "" {
			return of, nil
		}
		return "", fmt.Errorf("%s: %q is no node name: %s. Write the name in it that `k3s kubectl get nodes` shows", file, name, strings.Join(wrong, "; "))
	}
	return name, err
}
