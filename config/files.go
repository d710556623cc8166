package config

import (
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"
)

// registriesFile is read by the runtime at its start.
const registriesFile = "/etc/rancher/k3s/registries.yaml"

// registries is what K3s's file may say (docs.k3s.io, private registry configuration).
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

// wellKnown looks into a file whose format another program has and whose mistakes cost all of Kubernetes' images. The file is written all the same:
// what counts is what that program makes of it.
func (d *decoder) wellKnown(n *yaml.Node, f File, name string) {
	if f.Path != registriesFile || f.Encoding != "" {
		return
	}
	at := lookup(n, "content")
	if at == nil || at.Kind != yaml.ScalarNode {
		return
	}
	inner := &decoder{file: d.file}
	text := Plain([]byte(f.Content))
	nodes, err := parse(text)
	if err != nil {
		line, col, msg := parserWords(string(text), err)
		inner.add(line, col, "%s", msg)
	}
	for _, doc := range nodes[:min(1, len(nodes))] {
		inner.value(doc, reflect.ValueOf(&registries{}).Elem(), "", "registries.yaml")
	}
	for _, p := range inner.problems {
		line, col := at.Line, at.Column
		if at.Style == yaml.LiteralStyle { // its lines are the file's
			line, col = at.Line+p.Line, p.Column
		}
		d.note(line, col, fmt.Sprintf("%s: %s: %s", name, registriesFile, p.Message))
	}
}

// note reports without holding it against the value.
func (d *decoder) note(line, col int, msg string) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{d.file, line, col, msg})
	}
}
