package config

import (
	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/decode"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/config/yamlnode"
)

// registriesFile is read by the runtime at its start.
const registriesFile = k3sflags.RegistriesFile

// registries is the format of K3s's file (docs.k3s.io, private registry configuration).
type registries struct {
	Mirrors map[string]mirror   `yaml:"mirrors"`
	Configs map[string]registry `yaml:"configs"`
}

type mirror struct {
	Endpoint []string          `yaml:"endpoint" check:"endpoint"`
	Rewrite  map[string]string `yaml:"rewrite"`
}

type registry struct {
	Auth registryAuth `yaml:"auth"`
	TLS  registryTLS  `yaml:"tls"`
}

type registryAuth struct {
	Username      string `yaml:"username"`
	Password      string `yaml:"password" check:"quoted" secret:"true"`
	Auth          string `yaml:"auth" check:"quoted" secret:"true"`
	IdentityToken string `yaml:"identity_token" check:"quoted" secret:"true"`
}

type registryTLS struct {
	CAFile             string `yaml:"ca_file"`
	CertFile           string `yaml:"cert_file"`
	KeyFile            string `yaml:"key_file"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// content reports a file whose content cannot be made out of its encoding.
func content(r decode.Report, n *yaml.Node, value any, name string) {
	f := value.(File)
	if _, err := f.Bytes(); err != nil {
		r.Bad(n, "%s: %v", name, err)
		return
	}
	wellKnown(r, n, f, name)
}

// wellKnown checks a file in the format of another program whose errors would cost all of Kubernetes' images. The file
// is written in any case: that program decides.
func wellKnown(r decode.Report, n *yaml.Node, f File, name string) {
	if f.Path != registriesFile || f.Encoding != "" {
		return
	}
	at := yamlnode.Lookup(n, "content")
	if at == nil || at.Kind != yaml.ScalarNode {
		return
	}
	problems, _ := decode.Load(&registries{}, decode.Options{}, decode.Document(r.File(), []byte(f.Content)))
	for _, p := range problems {
		line, col := at.Line, at.Column
		if at.Style == yaml.LiteralStyle { // line numbers of the file itself
			line, col = at.Line+p.Line, p.Column
		}
		r.Warn(line, col, "%s: %s: %s", name, registriesFile, p.Message)
	}
}
