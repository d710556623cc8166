package deploy

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStage(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "manifests")
	put(t, from, "dns.yaml", "dns: %{CLUSTER_DNS}% %{OTHER}%")
	put(t, from, "off.yaml", "off: 1")
	put(t, from, "kept.yaml", "kept: new")
	stage := func(disable ...string) {
		if err := Stage(from, to, map[string]string{"CLUSTER_DNS": "10.43.0.10"}, disable); err != nil {
			t.Fatal(err)
		}
	}
	stage()
	put(t, to, "kept.yaml", "kept: mine")
	put(t, to, "kept.yaml.skip", "")
	put(t, to, "own.yaml", "own: 1")
	stage("off")

	got, err := manifests(to)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dns.yaml", "own.yaml"}, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Error(diff)
	}
	if text := string(got["dns.yaml"]); text != "dns: 10.43.0.10 %{OTHER}%" {
		t.Errorf("dns.yaml: %q", text)
	}
	if data, _ := os.ReadFile(filepath.Join(to, "kept.yaml")); string(data) != "kept: mine" {
		t.Errorf("kept.yaml: %q", data)
	}
}

func TestDecode(t *testing.T) {
	objects, err := decode([]byte("# only a comment\n---\nkind: A\napiVersion: v1\nmetadata: {name: a, namespace: ns}\n---\n---\n" +
		"kind: List\napiVersion: v1\nitems:\n- {kind: B, apiVersion: x/v2, metadata: {name: b}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []ref
	for _, o := range objects {
		got = append(got, refOf(o))
	}
	want := []ref{{"", "v1", "A", "ns", "a"}, {"x", "v2", "B", "", "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := decode([]byte("kind: A\napiVersion: v1\n")); err == nil {
		t.Error("an object without a name was accepted")
	}
}
