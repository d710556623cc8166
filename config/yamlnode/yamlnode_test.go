package yamlnode

import (
	"bytes"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestChange: everything else stays unchanged, with its comments.
func TestChange(t *testing.T) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte("# mine\nb: 1 # one\na:\n    c: x\n"), &doc); err != nil {
		t.Fatal(err)
	}
	top := doc.Content[0]
	SetString(top, "b", "true")
	SetString(Lookup(top, "a"), "d", "1")
	Add(top, "e", &yaml.Node{Kind: yaml.ScalarNode, Value: "2"})
	var out bytes.Buffer
	if err := Encode(&out, &doc); err != nil {
		t.Fatal(err)
	}
	if want := "# mine\nb: \"true\" # one\na:\n  c: x\n  d: \"1\"\ne: 2\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestLookupWhereThereIsNothing(t *testing.T) {
	list := &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{{Value: "a"}, {Value: "b"}}}
	for name, n := range map[string]*yaml.Node{"nil": nil, "a list": list, "no keys": {Kind: yaml.MappingNode}} {
		if got := Lookup(n, "a"); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
