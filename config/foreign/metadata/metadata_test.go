package metadata

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

func TestTranslate(t *testing.T) {
	for text, want := range map[string]string{
		"instance-id: i-1\nlocal-hostname: edge-1\nhostname: other\n": "hostname: edge-1\n",
		"instance-id: i-1\nhostname: Edge_2.example.org\n":            "hostname: edge-2\n",
		"public-keys: ssh-ed25519 AAAA a\n":                           "ssh_authorized_keys:\n    - ssh-ed25519 AAAA a\n",
		"public-keys: [k1, k2]\n":                                     "ssh_authorized_keys:\n    - k1\n    - k2\n",
		"public-keys: {mine: {openssh-key: k1}, yours: k2}\n":         "ssh_authorized_keys:\n    - k1\n    - k2\n",
		"instance-id: i-1\nnetwork: {version: 2}\n":                   "network: seen\n",
		"instance-id:\nplacement: {zone: a}\n":                        "{}\n",
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if !Is(doc.Content[0]) {
			t.Errorf("not taken for meta-data: %q", text)
		}
		d := draft.New()
		Translate(d, doc.Content[0], func(d *draft.Draft, n *yaml.Node) { d.Set(draft.Text(n, "seen"), "network") })
		var out strings.Builder
		if err := yaml.NewEncoder(&out).Encode(d.Root); err != nil || out.String() != want {
			t.Errorf("%q gives\n%s(%v), want\n%s", text, out.String(), err, want)
		}
	}
}

// TestSeedFrom: an address that cloud-init would follow is named, and the rest of the file counts.
func TestSeedFrom(t *testing.T) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte("instance-id: i-1\nlocal-hostname: edge-1\nseedfrom: http://10.0.0.1/\n"), &doc); err != nil {
		t.Fatal(err)
	}
	d := draft.New()
	Translate(d, doc.Content[0], nil)
	if len(d.Notes) != 1 || !strings.Contains(d.Notes[0].Message, "ds=nocloud;s=URL") || d.Get("hostname") == nil {
		t.Errorf("%+v", d.Notes)
	}
}
