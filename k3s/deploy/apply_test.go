package deploy

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	space   = "kind: Namespace\napiVersion: v1\nmetadata: {name: harbour}\n---\n"
	service = "kind: Service\napiVersion: v1\nmetadata: {name: web, namespace: harbour}\n---\n"
	web     = "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: web, namespace: harbour}\n---\n"
	crane   = "kind: Crane\napiVersion: port.example/v1\nmetadata: {name: north}\n---\n"

	spacePath   = "/api/v1/namespaces/harbour"
	servicePath = spacePath + "/services/web"
	webPath     = "/apis/apps/v1/namespaces/harbour/deployments/web"
	cranePath   = "/apis/port.example/v1/namespaces/default/cranes/north"
	statePath   = "/api/v1/namespaces/kube-system/configmaps/deployed-manifests"
)

func applied(path string) string { return "apply " + path + " by proa-deploy force true" }
func deleted(path string) string { return "delete " + path + " Background" }

// expect runs one pass and compares the requests with the expected ones.
func expect(t *testing.T, w *wire, d *Deployer, later bool, want ...string) {
	t.Helper()
	got, err := d.pass(context.Background())
	if err != nil || got != later {
		t.Errorf("pass: later %v, %v; want later %v", got, err, later)
	}
	if diff := cmp.Diff(want, w.wrote()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

func (w *wire) remembers() (files []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	data, _ := w.objects[statePath]["data"].(map[string]any)
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml"} {
		if data[name] != nil {
			files = append(files, name)
		}
	}
	return files
}

func rename(t *testing.T, d *Deployer, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(d.dir, from), filepath.Join(d.dir, to)); err != nil {
		t.Fatal(err)
	}
}

// TestApplyAndPrune: a changed file is applied in its order; objects that it no longer has are deleted, and so are
// those of a deleted file, in reverse order.
func TestApplyAndPrune(t *testing.T) {
	w, d, told := serve(t)
	put(t, d.dir, "a.yaml", space+service+web)
	expect(t, w, d, false, applied(spacePath), applied(servicePath), applied(webPath))
	expect(t, w, d, false)
	put(t, d.dir, "a.yaml", space+web)
	expect(t, w, d, false, applied(spacePath), applied(webPath), deleted(servicePath))
	if diff := cmp.Diff([]string{"a.yaml"}, w.remembers()); diff != "" {
		t.Error(diff)
	}
	if err := os.Remove(filepath.Join(d.dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	expect(t, w, d, false, deleted(webPath), deleted(spacePath))
	expect(t, w, d, false)
	if files := w.remembers(); len(files)+len(told) != 0 {
		t.Errorf("remembers %v, told %v", files, told)
	}
}

// TestSkip: a skip file has the same effect as deleting the manifest.
func TestSkip(t *testing.T) {
	w, d, _ := serve(t)
	put(t, d.dir, "a.yaml", space)
	expect(t, w, d, false, applied(spacePath))
	put(t, d.dir, "a.yaml.skip", "")
	expect(t, w, d, false, deleted(spacePath))
}

// TestGoneAlready: an object to prune has already been deleted by somebody else.
func TestGoneAlready(t *testing.T) {
	w, d, told := serve(t)
	put(t, d.dir, "a.yaml", space+service)
	expect(t, w, d, false, applied(spacePath), applied(servicePath))
	delete(w.objects, servicePath)
	put(t, d.dir, "a.yaml", space)
	expect(t, w, d, false, applied(spacePath))
	if len(told) != 0 {
		t.Errorf("told %v", told)
	}
}

// TestMovedObject: an object that moves to another file, or whose file is renamed, is never deleted.
func TestMovedObject(t *testing.T) {
	w, d, _ := serve(t)
	put(t, d.dir, "b.yaml", space+service)
	expect(t, w, d, false, applied(spacePath), applied(servicePath))
	put(t, d.dir, "a.yaml", service)
	put(t, d.dir, "b.yaml", space)
	expect(t, w, d, false, applied(servicePath), applied(spacePath))
	put(t, d.dir, "a.yaml", web)
	put(t, d.dir, "b.yaml", space+service)
	expect(t, w, d, false, applied(webPath), applied(spacePath), applied(servicePath))
	rename(t, d, "b.yaml", "c.yaml")
	expect(t, w, d, false, applied(spacePath), applied(servicePath))
	if diff := cmp.Diff([]string{"a.yaml", "c.yaml"}, w.remembers()); diff != "" {
		t.Error(diff)
	}
}

// TestSameObjectWrittenOtherwise: an explicit default namespace, a namespace on a cluster-wide object, and another
// version do not make another object.
func TestSameObjectWrittenOtherwise(t *testing.T) {
	w, d, _ := serve(t)
	w.serves["apps/v2"] = w.serves["apps/v1"]
	const config, path = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: c}\n---\n", "/api/v1/namespaces/default/configmaps/c"
	put(t, d.dir, "a.yaml", config+space+web)
	expect(t, w, d, false, applied(path), applied(spacePath), applied(webPath))
	put(t, d.dir, "a.yaml", strings.Replace(config, "{", "{namespace: default, ", 1)+strings.Replace(space, "{", "{namespace: x, ", 1)+
		strings.Replace(web, "v1", "v2", 1))
	expect(t, w, d, false, applied(path), applied(spacePath), applied(strings.Replace(webPath, "v1", "v2", 1)))
}

// TestDefinitionComesLater: an object whose kind is not served yet is reported and retried, and does not delay other
// files.
func TestDefinitionComesLater(t *testing.T) {
	w, d, told := serve(t)
	put(t, d.dir, "a.yaml", crane)
	put(t, d.dir, "b.yaml", space)
	expect(t, w, d, true, applied(spacePath))
	if line := told["manifest:a.yaml"]; !strings.Contains(line, "Crane north: no matches for kind") || !strings.HasSuffix(line, "; tried again") {
		t.Errorf("told %q", line)
	}
	w.mu.Lock()
	w.serves["port.example/v1"] = append(w.serves["port.example/v1"], resource("cranes", "Crane", true))
	w.mu.Unlock()
	expect(t, w, d, false, applied(cranePath))
	if len(told) != 0 {
		t.Errorf("told %v", told)
	}
}

// TestKindGone: an object is deleted with its definition; the file that had it can still be removed.
func TestKindGone(t *testing.T) {
	w, d, told := serve(t)
	w.serves["port.example/v1"] = append(w.serves["port.example/v1"], resource("cranes", "Crane", true))
	put(t, d.dir, "a.yaml", space+crane)
	expect(t, w, d, false, applied(spacePath), applied(cranePath))
	delete(w.serves, "port.example/v1")
	d.mapper.Reset()
	put(t, d.dir, "a.yaml", space)
	expect(t, w, d, false, applied(spacePath))
	if len(told) != 0 {
		t.Errorf("told %v", told)
	}
}

// TestVersionGone: an object applied with a version that is no longer served is still deleted.
func TestVersionGone(t *testing.T) {
	w, d, _ := serve(t)
	put(t, d.dir, "a.yaml", web)
	expect(t, w, d, false, applied(webPath))
	w.serves["apps/v2"], w.objects[strings.Replace(webPath, "v1", "v2", 1)] = w.serves["apps/v1"], w.objects[webPath]
	delete(w.serves, "apps/v1")
	d.mapper.Reset()
	put(t, d.dir, "a.yaml", "")
	expect(t, w, d, false, deleted(strings.Replace(webPath, "v1", "v2", 1)))
}

// TestRefused: a file with a refused object is retried as a whole, and none of its earlier objects is deleted
// meanwhile.
func TestRefused(t *testing.T) {
	w, d, told := serve(t)
	put(t, d.dir, "a.yaml", space+service)
	expect(t, w, d, false, applied(spacePath), applied(servicePath))
	w.refuses[webPath] = 403
	put(t, d.dir, "a.yaml", space+web)
	put(t, d.dir, "b.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: c}\n")
	expect(t, w, d, true, applied(spacePath), applied("/api/v1/namespaces/default/configmaps/c"))
	if line := told["manifest:a.yaml"]; !strings.Contains(line, "Deployment web: Forbidden") {
		t.Errorf("told %q", told)
	}
	delete(w.refuses, webPath)
	expect(t, w, d, false, applied(spacePath), applied(webPath), deleted(servicePath))
}

// TestPruneRefused: an object whose deletion failed is deleted in a later pass.
func TestPruneRefused(t *testing.T) {
	w, d, told := serve(t)
	put(t, d.dir, "a.yaml", space+service)
	expect(t, w, d, false, applied(spacePath), applied(servicePath))
	w.refuses[servicePath] = 403
	put(t, d.dir, "a.yaml", space)
	expect(t, w, d, true, applied(spacePath))
	if line := told["manifest:a.yaml"]; !strings.Contains(line, "Service web: Forbidden") {
		t.Errorf("told %q", told)
	}
	delete(w.refuses, servicePath)
	expect(t, w, d, false, applied(spacePath), deleted(servicePath))
}

// TestStateUnreadable: if the state cannot be read nothing is written and nothing deleted.
func TestStateUnreadable(t *testing.T) {
	w, d, _ := serve(t)
	put(t, d.dir, "a.yaml", space)
	w.refuses[statePath] = 403
	if later, err := d.pass(context.Background()); !later || err == nil || !strings.Contains(err.Error(), "read state") {
		t.Errorf("later %v, %v", later, err)
	}
	delete(w.refuses, statePath)
	w.objects[statePath] = map[string]any{"kind": "ConfigMap", "apiVersion": "v1", "data": map[string]any{"a.yaml": "{"}}
	if _, err := d.pass(context.Background()); err == nil || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("a damaged record: %v", err)
	}
	if got := w.wrote(); len(got) != 0 {
		t.Errorf("written: %v", got)
	}
}

// TestRunIsDoneOnce: done is called once, when every file was applied.
func TestRunIsDoneOnce(t *testing.T) {
	w, d, _ := serve(t)
	put(t, d.dir, "a.yaml", space)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	done := 0
	if err := d.Run(ctx, func() { done++; cancel() }); err != nil || done != 1 {
		t.Errorf("done %d times, %v", done, err)
	}
	if diff := cmp.Diff([]string{applied(spacePath)}, w.wrote()); diff != "" {
		t.Error(diff)
	}
}
