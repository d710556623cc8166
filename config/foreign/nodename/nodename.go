// Package nodename makes the machine's name out of a host name in a foreign document. It renders no templates, and never
// makes up a name without saying so.
//
// A node's name is one label of DNS in lower case (RFC 1123, 2.1), because Kubernetes registers the node by it. Of a
// name with dots the first label counts, as cloud-init has it; capitals become small, as the kubelet has it; an
// underscore, which DNS does not permit, becomes a hyphen. Of a template nothing is taken: the machine gets the name that
// it has without any, which is unique too.
package nodename

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// Set sets the host name, and notes how it differs from what was written.
func Set(d *draft.Draft, at *yaml.Node, value string) {
	value = strings.TrimSpace(value)
	if value == "" {
		return
	}
	if Template(value) {
		d.Note(at, "hostname: a template, which is not rendered here; "+
			"the machine gets its default name, proa- and six digits of its hardware address; write the name out")
		return
	}
	name, domain, _ := strings.Cut(value, ".")
	if domain != "" {
		d.Note(at, "hostname: the part before the first dot is the node's name; for its domain use network.search")
	}
	if lower := strings.ToLower(name); lower != name {
		d.Note(at, "hostname: capital letters become small ones, as Kubernetes wants them")
		name = lower
	}
	if strings.Contains(name, "_") {
		d.Note(at, "hostname: DNS and Kubernetes permit no underscore; each becomes a hyphen")
		name = strings.ReplaceAll(name, "_", "-")
	}
	d.Set(draft.Text(at, name), "hostname")
}

// Template says whether a value is to be filled in by a program first: Go's and jinja's templates, a shell, sed.
func Template(value string) bool {
	for _, mark := range []string{"{{", "{%", "${", "$(", "<%", "%(", "@@", "`"} {
		if strings.Contains(value, mark) {
			return true
		}
	}
	return false
}
