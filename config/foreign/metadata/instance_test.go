package metadata_test

import (
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/foreign/metadata"
)

// TestTemplatesKnowTheMachine: user data gets the values of the meta-data that is read before it.
func TestTemplatesKnowTheMachine(t *testing.T) {
	for file, meta := range map[string]string{
		"nocloud/meta-data":        "instance-id: i-7\nlocal-hostname: box\npublic-keys: []\ntags: {zone: Europe/Berlin, n: 3, on: true}\n",
		"openstack/meta_data.json": `{"uuid": "i-7", "hostname": "box", "tags": {"zone": "Europe/Berlin", "n": 3, "on": true}}`,
	} {
		user := "## template: jinja\n#cloud-config\ntimezone: {{ ds.meta_data.tags.zone }}\nfinal_message: {{ v1.local_hostname }} {{ instance_id }} {{ ds.meta_data.tags.n + 1 }}{% if ds.meta_data.tags.on %}!{% endif %}\n"
		l := config.Load(config.Document(file, []byte(meta)), config.Document("user-data", []byte(user)))
		if c := l.Config; c.Timezone != "Europe/Berlin" || c.FinalMessage != "box i-7 4!" {
			t.Errorf("%s: %q %q %v", file, c.Timezone, c.FinalMessage, l.Problems)
		}
	}
}

// TestNoInstance: other files, and files that are no mapping, say nothing about the machine.
func TestNoInstance(t *testing.T) {
	for _, c := range [][2]string{{"user-data", "instance-id: a\n"}, {"meta-data", "- a\n"}, {"meta-data", "\t:"}, {"meta-data", ""}, {"meta-data", "a: &a [*a, *a]\n"}} {
		if got := metadata.Instance(c[0], []byte(c[1])); got != nil && c[1][0] != 'a' {
			t.Errorf("%q: %v", c, got)
		}
	}
}
