package deploy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

const (
	manager = "proa-deploy"
	period  = 15 * time.Second
	// hurry is the interval while a file fails, for example because a custom resource waits for its definition.
	hurry = 3 * time.Second
	// patience is how long a manifest that the API server refuses for now delays the end of the first pass. One that no
	// server would accept does not delay it.
	patience = 30 * time.Second
)

// Reporter receives the manifests that fail, and those that work again.
type Reporter interface {
	Problem(key, line string)
	Solved(key string)
}

// record is what was applied for one file. It is stored in the cluster, so that backups contain it.
type record struct {
	Sum     string `json:"sum"`
	Objects []ref  `json:"objects"`
}

// Deployer applies the manifests of one directory.
type Deployer struct {
	dir    string
	client dynamic.Interface
	mapper meta.ResettableRESTMapper
	state  state
	report Reporter
	log    func(format string, args ...any)
	told   map[string]bool // files with a reported problem
}

// New returns a deployer for a directory.
func New(config *rest.Config, dir string, report Reporter, log func(string, ...any)) (*Deployer, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))
	return &Deployer{dir: dir, client: client, mapper: mapper, state: state{client}, report: report, log: log}, nil
}

// Run applies the directory repeatedly until the context ends. done is called once, after the first pass in which every
// file was applied or cannot be.
func (d *Deployer) Run(ctx context.Context, done func()) error {
	for first, began := true, time.Now(); ; {
		wait := period
		later, err := d.pass(ctx)
		if err != nil {
			d.log("%v", err)
		}
		if err != nil || later {
			wait = hurry
		}
		if first && err == nil && (!later || time.Since(began) > patience) {
			first = false
			done()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// pass applies every file and deletes what no file names any more. later: the API server refused some, and may accept
// them in the next pass. An error means that the files could not be read at all.
func (d *Deployer) pass(ctx context.Context) (later bool, err error) {
	files, err := manifests(d.dir)
	if err != nil {
		return true, err
	}
	records, err := d.state.load(ctx)
	if err != nil {
		return true, fmt.Errorf("read state: %w", err)
	}
	problems, now := map[string]error{}, map[string]record{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		now[name], problems[name] = d.file(ctx, name, files[name], records[name])
	}
	// Delete only now: an object may have moved to another file.
	for _, name := range slices.Sorted(maps.Keys(records)) {
		if problems[name] == nil {
			problems[name] = d.prune(ctx, name, records[name], now)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if r := now[name]; problems[name] == nil && r.Sum != records[name].Sum {
			problems[name] = d.state.save(ctx, name, &r)
		}
	}
	return d.tell(problems), nil
}

// broken wraps the error of a manifest that no server would accept.
type broken struct{ error }

// tell reports every file that fails and removes the problems of those that work. later as in pass.
func (d *Deployer) tell(problems map[string]error) (later bool) {
	told := map[string]bool{}
	for name, err := range problems {
		if err == nil {
			continue
		}
		told[name] = true
		what := "tried again"
		if errors.As(err, new(broken)) {
			what = "left out"
		} else {
			later = true
		}
		d.report.Problem("manifest:"+name, fmt.Sprintf("manifest %s: %v; %s", filepath.Join(d.dir, name), err, what))
	}
	for name := range d.told {
		if !told[name] {
			d.report.Solved("manifest:" + name)
		}
	}
	d.told = told
	return later
}

// file applies one file if it changed, and returns its objects. On an error these are all it had before and all it has
// now, so that none is deleted until it works.
func (d *Deployer) file(ctx context.Context, name string, f manifest, old record) (record, error) {
	if f.err != nil {
		return old, broken{f.err}
	}
	hash := sha256.Sum256(f.data)
	sum := hex.EncodeToString(hash[:])
	if old.Sum == sum {
		return old, nil
	}
	objects, err := decode(f.data)
	if err != nil {
		return old, broken{err}
	}
	now := record{Sum: sum}
	for _, o := range objects {
		now.Objects = append(now.Objects, refOf(o))
	}
	for _, o := range objects {
		if err := d.apply(ctx, o); err != nil {
			return record{old.Sum, slices.Concat(old.Objects, now.Objects)}, fmt.Errorf("%s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	d.log("%s applied, %d objects", name, len(objects))
	return now, nil
}

// prune deletes objects that a file had and no file has now, in reverse order. It removes the record of a deleted file.
func (d *Deployer) prune(ctx context.Context, name string, old record, now map[string]record) error {
	current, stays := now[name]
	if stays && current.Sum == old.Sum {
		return nil
	}
	for _, r := range slices.Backward(old.Objects) {
		if err := d.delete(ctx, r, now); err != nil {
			return fmt.Errorf("delete %s %s: %w", r.Kind, r.Name, err)
		}
	}
	if stays {
		return nil
	}
	d.log("%s removed", name)
	return d.state.save(ctx, name, nil)
}

// named says whether one of the files has the object, after resource has completed it. The same object may be written
// in two ways: with another version, or with and without the default namespace.
func (d *Deployer) named(r ref, files map[string]record) bool {
	for _, f := range files {
		for _, o := range f.Objects {
			if o.Group != r.Group || o.Kind != r.Kind || o.Name != r.Name {
				continue
			}
			if _, err := d.resource(&o); err != nil || o.Namespace == r.Namespace {
				return true // on an error it may be the same object, so it is not deleted
			}
		}
	}
	return false
}

// resource returns the client for an object, and sets its namespace: the default one if the manifest has none, none for
// a cluster-wide kind. Without a version it uses a served one.
func (d *Deployer) resource(r *ref) (dynamic.ResourceInterface, error) {
	kind := schema.GroupKind{Group: r.Group, Kind: r.Kind}
	mapping, err := d.mapper.RESTMapping(kind, r.Version)
	if meta.IsNoMatchError(err) {
		d.mapper.Reset() // the definition may have been added since
		mapping, err = d.mapper.RESTMapping(kind, r.Version)
	}
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		r.Namespace = ""
		return d.client.Resource(mapping.Resource), nil
	}
	if r.Namespace == "" {
		r.Namespace = metav1.NamespaceDefault
	}
	return d.client.Resource(mapping.Resource).Namespace(r.Namespace), nil
}

func (d *Deployer) apply(ctx context.Context, o *unstructured.Unstructured) error {
	r := refOf(o)
	api, err := d.resource(&r)
	if err != nil {
		return err
	}
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	force := true
	_, err = api.Patch(ctx, r.Name, "application/apply-patch+yaml", data, metav1.PatchOptions{FieldManager: manager, Force: &force})
	return err
}

// delete deletes an object unless one of the files has it.
func (d *Deployer) delete(ctx context.Context, r ref, files map[string]record) error {
	r.Version = "" // the version it was applied with may not be served any more
	api, err := d.resource(&r)
	if meta.IsNoMatchError(err) {
		return nil // the definition is deleted, and the object with it
	}
	if err != nil {
		return err
	}
	if d.named(r, files) {
		return nil
	}
	policy := metav1.DeletePropagationBackground
	err = api.Delete(ctx, r.Name, metav1.DeleteOptions{PropagationPolicy: &policy})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Exists says whether the directory exists: an agent has none.
func Exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}
