package rehearse

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	"github.com/proa-os/proa/config/rehearsal"
	"github.com/proa-os/proa/k3s/datastore"
)

// cluster is the directory of a server with these keys, whose datastore runs until the test ends.
func cluster(t *testing.T, keys map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- datastore.At(dir).Run(ctx) }()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{datastore.At(dir).Endpoint()}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := client.Close()
		cancel()
		if err = errors.Join(err, <-done); err != nil {
			t.Error(err)
		}
	})
	for key, value := range keys {
		for range 300 {
			if _, err = client.Put(ctx, key, value); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// stored encodes an object as the API server stores it.
func stored(t *testing.T, o runtime.Object) string {
	t.Helper()
	kinds, _, err := legacyscheme.Scheme.ObjectKinds(o)
	if err != nil {
		t.Fatal(err)
	}
	o.GetObjectKind().SetGroupVersionKind(kinds[0])
	var b strings.Builder
	if err := protobuf.NewSerializer(legacyscheme.Scheme, legacyscheme.Scheme).Encode(o, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func by(manager, version string) []metav1.ManagedFieldsEntry {
	return []metav1.ManagedFieldsEntry{{Manager: manager, APIVersion: version, Operation: metav1.ManagedFieldsOperationUpdate}}
}

func TestReport(t *testing.T) {
	web := &apps.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", ManagedFields: by("helm", "apps/v1beta1")}}
	fine := &core.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "fine", ManagedFields: by("kubectl", "v1")}}
	beta := &core.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "beta", ManagedFields: by("tool", "resource.k8s.io/v1beta1")}}
	dir := cluster(t, map[string]string{
		"/registry/deployments/default/web":        stored(t, web),
		"/registry/configmaps/default/fine":        stored(t, fine),
		"/registry/configmaps/default/beta":        stored(t, beta),
		"/registry/secrets/default/s":              "k8s:enc:aescbc:v1:key1:\x00\x01",
		"/registry/podsecuritypolicy/p":            `{"kind":"PodSecurityPolicy","apiVersion":"policy/v1beta1","metadata":{"name":"p"}}`,
		"/registry/podsecuritypolicy/q":            `{"kind":"PodSecurityPolicy","apiVersion":"policy/v1beta1","metadata":{"name":"q"}}`,
		"/registry/example.org/boats/default/proa": `{"kind":"Boat","apiVersion":"example.org/v1","metadata":{"name":"proa"}}`,
		"/registry/masterleases/192.0.2.1":         "\x01\x02",
		// A custom resource in a group that Kubernetes itself has, with its definition, and one whose definition is not there.
		"/registry/apiextensions.k8s.io/customresourcedefinitions/reservations.scheduling.k8s.io": `{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{"name":"reservations.scheduling.k8s.io"},
			"spec":{"group":"scheduling.k8s.io","names":{"plural":"reservations","kind":"Reservation"},"scope":"Namespaced","versions":[{"name":"v9","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}`,
		"/registry/scheduling.k8s.io/reservations/default/r": `{"kind":"Reservation","apiVersion":"scheduling.k8s.io/v9","metadata":{"namespace":"default","name":"r","managedFields":[{"manager":"tool","apiVersion":"scheduling.k8s.io/v9","operation":"Update"}]}}`,
		"/registry/scheduling.k8s.io/berths/default/b":       `{"kind":"Berth","apiVersion":"scheduling.k8s.io/v9","metadata":{"namespace":"default","name":"b"}}`,
	})
	want := rehearsal.Report{Objects: 10, Encrypted: 1,
		Unreadable: []rehearsal.Use{{"policy/v1beta1", "PodSecurityPolicy", "", 2, "/registry/podsecuritypolicy/p"},
			{"scheduling.k8s.io/v9", "Berth", "", 1, "/registry/scheduling.k8s.io/berths/default/b"}},
		Unserved: []rehearsal.Use{{"apps/v1beta1", "Deployment", "helm", 1, "default/web"},
			{"resource.k8s.io/v1beta1", "ConfigMap", "tool", 1, "default/beta"}}}
	for _, allowed := range []map[string]bool{nil, {"resource.k8s.io/v1beta1": true}} {
		to := t.TempDir()
		got, err := Run(t.Context(), dir, to, allowed)
		if err != nil || got.Bytes < 4096 {
			t.Fatalf("%d bytes, %v", got.Bytes, err)
		}
		got.Bytes = 0
		if allowed != nil {
			want.Unserved = want.Unserved[:1]
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if left, _ := filepath.Glob(filepath.Join(to, "*")); left != nil {
			t.Errorf("left %q", left)
		}
	}
}

// TestManyPages: every object is read once, however many there are.
func TestManyPages(t *testing.T) {
	keys := map[string]string{}
	for i := range 2*page + 1 {
		keys["/registry/configmaps/"+strings.Repeat("x", i+1)] = stored(t, &core.ConfigMap{})
	}
	if got, err := Run(t.Context(), cluster(t, keys), t.TempDir(), nil); err != nil || got.Objects != len(keys) {
		t.Errorf("%d objects of %d, %v", got.Objects, len(keys), err)
	}
}

// TestDamaged: a database that this version cannot open is an error, and the database itself is not touched.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	file := datastore.At(dir).File()
	text := []byte("SQLite format 3\x00" + strings.Repeat("nothing", 2000))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), dir, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), file) {
		t.Error(err)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != string(text) {
		t.Errorf("changed, %v", err)
	}
}

// TestOf: a copy that was made before is used up, and read as a server's own is.
func TestOf(t *testing.T) {
	dir := cluster(t, map[string]string{"/registry/configmaps/default/fine": stored(t, &core.ConfigMap{})})
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := datastore.At(dir).Copy(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if got, err := Of(t.Context(), file, nil); err != nil || got.Objects != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	dir = filepath.Dir(file)
	if err := errors.Join(os.Mkdir(filepath.Join(dir, prefix+"killed"), 0o700), Clean(dir)); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); left != nil {
		t.Errorf("left %q", left)
	}
}

// TestOtherSchema: a schema that another version has changed so that this one cannot write is found, although all can be
// read.
func TestOtherSchema(t *testing.T) {
	dir := cluster(t, map[string]string{"/registry/configmaps/default/fine": stored(t, &core.ConfigMap{})})
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := datastore.At(dir).Copy(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TRIGGER next BEFORE INSERT ON kine BEGIN SELECT RAISE(ABORT, 'tenant is missing'); END"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := Of(ctx, file, nil); err == nil || !strings.Contains(err.Error(), "write to a copy") {
		t.Error(err)
	}
}

func TestEnabled(t *testing.T) {
	got := Enabled([]string{"v=2", "runtime-config=a.io/v1beta1=true,b.io/v1/things,c.io/v1=false,api/all", "runtime-config=d.io/v2"})
	want := map[string]bool{"a.io/v1beta1": true, "b.io/v1": true, "api/all": true, "d.io/v2": true}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
