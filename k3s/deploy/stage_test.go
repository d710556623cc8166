package deploy

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
		if err := Stage(from, to, map[string]string{"CLUSTER_DNS": "10.43.0.10"}, disable, problems{}); err != nil {
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
	if text := string(got["dns.yaml"].data); text != "dns: 10.43.0.10 %{OTHER}%" {
		t.Errorf("dns.yaml: %q", text)
	}
	if data, _ := os.ReadFile(filepath.Join(to, "kept.yaml")); string(data) != "kept: mine" {
		t.Errorf("kept.yaml: %q", data)
	}
}

// problems are the reported problems by key.
type problems map[string]string

func (p problems) Problem(key, line string) { p[key] = line }
func (p problems) Solved(key string)        { delete(p, key) }

// TestStageGoesOn: a file that cannot be written is reported, and does not affect the others or the start.
func TestStageGoesOn(t *testing.T) {
	from, to, told := t.TempDir(), t.TempDir(), problems{}
	put(t, from, "a.yaml", "a: 1")
	put(t, from, "b.yaml", "b: 1")
	if err := os.Mkdir(filepath.Join(to, "a.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Stage(from, to, nil, nil, told); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(to, "b.yaml")); string(data) != "b: 1" {
		t.Errorf("b.yaml: %q", data)
	}
	if len(told) != 1 || !strings.Contains(told["manifest-file:a.yaml"], "a.yaml: not a regular file") {
		t.Errorf("told %q", told)
	}
}

// TestManifestsFailAlone: a manifest that no server would accept is reported with its cause, and does not delay the
// start.
func TestManifestsFailAlone(t *testing.T) {
	dir, told := t.TempDir(), problems{}
	put(t, dir, "tab.yaml", "kind:\tA\n\tname: x\n")
	put(t, dir, "kindless.yaml", "metadata: {name: a}\n")
	put(t, dir, "half.json", `{"kind": "A", "apiVersion": "v1", "metadata": {"na`)
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "folder"), 0o755), syscall.Mkfifo(filepath.Join(dir, "pipe.yaml"), 0o600),
		os.Symlink("/nowhere", filepath.Join(dir, "link.yaml"))); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "folder"), "good.yaml", "kind: A\napiVersion: v1\nmetadata: {name: a}\n")
	files, err := manifests(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := &Deployer{dir: dir, report: told}
	failed := map[string]error{}
	for name, f := range files {
		if name != "folder/good.yaml" {
			_, failed[name] = d.file(context.Background(), name, f, record{})
		}
	}
	if later := d.tell(failed); later {
		t.Error("the start would wait for what never works")
	}
	for name, says := range map[string]string{"tab.yaml": "yaml", "kindless.yaml": "Kind", "half.json": "in string literal", "pipe.yaml": "not a regular file", "link.yaml": "no such file"} {
		if line := told["manifest:"+name]; !strings.Contains(line, filepath.Join(dir, name)) || !strings.Contains(line, says) || !strings.HasSuffix(line, "; left out") {
			t.Errorf("%s: told %q, want %q", name, line, says)
		}
	}
	if later := d.tell(map[string]error{"tab.yaml": errors.New("no matches for kind")}); !later || len(told) != 1 || !strings.HasSuffix(told["manifest:tab.yaml"], "tried again") {
		t.Errorf("one that may work later: %v, told %q", later, told)
	}
	if later := d.tell(map[string]error{"tab.yaml": nil}); later || len(told) != 0 {
		t.Errorf("mended: %v, told %q", later, told)
	}
}

func TestKeys(t *testing.T) {
	for _, name := range []string{"coredns.yaml", "my app.yaml", "sub/größe.yml", "a_b.json", "a__b.yaml", "x_20_.yaml", "_a_/_b-_-41.yaml", "end_"} {
		k := key(name)
		if strings.Trim(k, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || file(k) != name {
			t.Errorf("%q: key %q, back %q", name, k, file(k))
		}
	}
	if key("sub/app.yaml") != "sub__app.yaml" || key("coredns.yaml") != "coredns.yaml" {
		t.Error("names that worked before have other keys now")
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
