package kubeconfig

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gopkg.in/yaml.v3"
)

// node returns what `proa kubeconfig` prints; ca distinguishes clusters.
func node(name, ca string) string {
	return strings.NewReplacer("NAME", name, "CA", ca).Replace(`apiVersion: v1
clusters:
  - cluster:
      certificate-authority-data: CA
      server: https://192.0.2.7:6443
    name: NAME
contexts:
  - context:
      cluster: NAME
      user: NAME
    name: NAME
current-context: NAME
kind: Config
users:
  - name: NAME
    user:
      client-certificate-data: Q0VSVA==
      client-key-data: S0VZ
`)
}

const mine = `# of the harbour master
apiVersion: v1
kind: Config
preferences: {colors: true}
clusters:
  - name: work # do not touch
    cluster: {server: "https://work:6443", extensions: [{name: x, extension: {a: 1}}]}
contexts:
  - name: work
    context: {cluster: work, user: me, namespace: mine}
current-context: work
users:
  - name: me
    user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: login, env: null}}
`

func plainly(t *testing.T, text string) (v map[string]any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// TestMergeKeepsEverything: the user's entries, comments, unknown keys and current context are kept; a second merge
// changes nothing.
func TestMergeKeepsEverything(t *testing.T) {
	merged, name, err := Merge([]byte(mine), []byte(node("edge-1", "QQ==")), false)
	if err != nil || name != "edge-1" {
		t.Fatal(name, err)
	}
	want, brought := plainly(t, mine), plainly(t, node("edge-1", "QQ=="))
	for _, kind := range kinds {
		want[kind] = append(want[kind].([]any), brought[kind].([]any)...)
	}
	if d := cmp.Diff(want, plainly(t, string(merged))); d != "" {
		t.Error(d)
	}
	for _, comment := range []string{"# of the harbour master", "# do not touch"} {
		if !strings.Contains(string(merged), comment) {
			t.Errorf("no %q in\n%s", comment, merged)
		}
	}
	again, _, err := Merge(merged, []byte(node("edge-1", "QQ==")), false)
	if err != nil || !bytes.Equal(again, merged) {
		t.Errorf("a second merge: %v\n%s", err, cmp.Diff(string(merged), string(again)))
	}
	renewed := strings.Replace(node("edge-1", "QQ=="), "S0VZ", "TkVX", 1)
	if again, _, err = Merge(merged, []byte(renewed), false); err != nil || !strings.Contains(string(again), "TkVX") || strings.Contains(string(again), "S0VZ") {
		t.Errorf("a renewed key: %v\n%s", err, again)
	}
}

// TestMergeInto merges into files as users have them.
func TestMergeInto(t *testing.T) {
	brought := node("edge-1", "QQ==")
	for name, into := range map[string]string{
		"nothing": "", "null": "null\n", "comment": "# none yet\n", "kubectl's empty": "apiVersion: v1\nkind: Config\nclusters: null\ncontexts: null\nusers: null\ncurrent-context: \"\"\n",
		"flow": "{apiVersion: v1, kind: Config, clusters: [], contexts: [], users: []}\n", "keys missing": "apiVersion: v1\nkind: Config\n",
		"JSON": `{"apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": [], "users": [], "current-context": ""}`,
	} {
		merged, _, err := Merge([]byte(into), []byte(brought), false)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(plainly(t, brought), plainly(t, string(merged))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestMergeThroughAlias: an entry that is an alias is the entry all the same, and is not put in a second time, which kubectl refuses.
func TestMergeThroughAlias(t *testing.T) {
	into := "x: &c\n  name: edge-1\n  cluster: {server: \"https://old\", certificate-authority-data: QQ==}\nclusters: [*c]\ncontexts: []\nusers: []\n"
	merged, _, err := Merge([]byte(into), []byte(node("edge-1", "QQ==")), false)
	if err != nil || strings.Count(string(merged), "https://192.0.2.7:6443") != 1 || len(plainly(t, string(merged))["clusters"].([]any)) != 1 {
		t.Errorf("%v\n%s", err, merged)
	}
}

func TestMergeRefuses(t *testing.T) {
	theirs := node("edge-1", "Qg==")
	for want, c := range map[string][2]string{
		"belongs to another cluster": {theirs, node("edge-1", "QQ==")},
		"is not valid YAML":          {"a: *hunter2", node("edge-1", "QQ==")},
		"is not a kubeconfig":        {"- a", node("edge-1", "QQ==")},
		"users is not a list":        {"users: {hunter2: 1}", node("edge-1", "QQ==")},
		"answer is not a kubeconfig": {mine, "proa: hunter2\n\tx"},
		"kubeconfig has no context":  {mine, "a: hunter2"},
		"has no contexts":            {mine, "current-context: x\nclusters: []\n"},
	} {
		if _, _, err := Merge([]byte(c[0]), []byte(c[1]), false); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v; want %q", err, want)
		}
	}
	for want, into := range map[string]string{
		"has more than one document":  mine + "---\nfoo: bar\n",
		"has a key that stands twice": mine + "clusters: []\n",
		"its kind is another one":     "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
		"shares entries by anchors":   "clusters:\n- &c {name: edge-1, cluster: {certificate-authority-data: QQ==}}\nmine: *c\n",
	} {
		if _, _, err := Merge([]byte(into), []byte(node("edge-1", "QQ==")), false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	merged, _, err := Merge([]byte(theirs), []byte(node("edge-1", "QQ==")), true)
	if err != nil || strings.Contains(string(merged), "Qg==") {
		t.Errorf("with force: %v\n%s", err, merged)
	}
}

// fakeSSH installs an ssh that prints text; asked returns the arguments it was called with.
func fakeSSH(t *testing.T, text string) (asked func() string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$@\" >> " + dir + "/asked\ncase $1 in -G) echo user root; echo hostname 192.0.2.7;; *) cat " + dir + "/text;; esac\n"
	for name, content := range map[string]string{"ssh": script, "text": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() string {
		b, _ := os.ReadFile(filepath.Join(dir, "asked"))
		return string(b)
	}
}

// TestRun: the file has mode 0600, a link to it stays a link, and the backup is beside it.
func TestRun(t *testing.T) {
	asked := fakeSSH(t, node("edge-1", "QQ=="))
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", "")
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Merge: true}, "edge", &out); err != nil {
		t.Fatal(err)
	}
	if want := "-G edge\nedge -- proa kubeconfig --server 192.0.2.7\n"; asked() != want {
		t.Errorf("ssh was asked\n%s; want\n%s", asked(), want)
	}
	file := filepath.Join(home, ".kube/config")
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 || strings.Contains(out.String(), "as it was") {
		t.Errorf("%v, %v, %s", info, err, out.String())
	}
	dotfiles := filepath.Join(home, "dotfiles")
	if err := os.WriteFile(dotfiles, []byte(mine), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(home, "link")
	if err := os.Symlink(dotfiles, link); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", link+":"+file)
	if err := Run(t.Context(), Options{Merge: true, Server: "10.0.0.1:16443", Context: "edge-1"}, "edge", &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(asked(), "edge -- proa kubeconfig --server 10.0.0.1:16443 --context edge-1\n") {
		t.Error(asked())
	}
	merged, _ := os.ReadFile(dotfiles)
	old, _ := os.ReadFile(dotfiles + ".before-proa")
	info, _ := os.Stat(dotfiles)
	if target, err := os.Readlink(link); err != nil || target != dotfiles || info.Mode() != 0o600 || string(old) != mine || !strings.Contains(string(merged), "edge-1") {
		t.Errorf("%v, %v, %q\n%s", err, info.Mode(), old, merged)
	}
}

func TestRunRefuses(t *testing.T) {
	fakeSSH(t, "")
	var out bytes.Buffer
	for want, c := range map[string]struct {
		o      Options
		target string
	}{
		"want root@ADDRESS":        {Options{}, "-oProxyCommand=reboot"},
		"want letters, digits":     {Options{Context: "a; reboot"}, "edge"},
		"is not a kubeconfig":      {Options{Merge: true, File: filepath.Join(t.TempDir(), "f")}, "edge"},
		`"a$(x)": want letters, d`: {Options{Server: "a$(x)"}, "edge"},
	} {
		if err := Run(t.Context(), c.o, c.target, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

// TestFileOfSeveral: of the files in $KUBECONFIG the one that kubectl writes to.
func TestFileOfSeveral(t *testing.T) {
	dir := t.TempDir()
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	if err := os.WriteFile(b, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for list, want := range map[string]string{a + ":" + b: b, b + ":" + a: b, ":" + b: b, a + ":" + c: c, a: a} {
		t.Setenv("KUBECONFIG", list)
		if got, err := (Options{}).file(); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", list, got, err, want)
		}
	}
}
