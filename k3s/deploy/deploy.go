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
	// hurry is the period while a file failed: a custom resource waits for its definition, say.
	hurry = 3 * time.Second
	// patience is how long a manifest that the API server does not take yet holds up who waits for the first pass. One that no server
	// would ever take holds up nobody.
	patience = 30 * time.Second
)

// Reporter is told which manifests do not work, and which do again.
type Reporter interface {
	Problem(key, line string)
	Solved(key string)
}

// record is what was applied for one file: kept in the cluster, so that it is saved and restored with it.
type record struct {
	Sum     string `json:"sum"`
	Objects []ref  `json:"objects"`
}

// Deployer applies one folder.
type Deployer struct {
	dir    string
	client dynamic.Interface
	mapper meta.ResettableRESTMapper
	state  state
	report Reporter
	log    func(format string, args ...any)
	told   map[string]bool // files with a problem
}

// New makes a deployer of a folder.
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

// Run applies the folder again and again until the context ends. done is called once, when every file was applied that can be.
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

// pass brings every file into the cluster and takes out what is no longer in any. later: the API server did not take all of them, and
// may at the next pass. An error means that no file could be looked at.
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
	// Deleted is only now: what one file no longer names may stand in another.
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

// broken is why a manifest is one that no server would take.
type broken struct{ error }

// tell reports every file that does not work and takes back what was said of those that do. later as in pass.
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

// file applies one file if it changed, and returns what it brings. With an error that is all it brought before and all it names, so
// that nothing of it is deleted until it works.
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

// prune deletes what a file brought and no file of now brings, last things first. It forgets a file that vanished.
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

// named tells whether one of the files names the object, which resource has seen. The same object may be written in two ways: in another
// version, or in the default namespace with and without saying so.
func (d *Deployer) named(r ref, files map[string]record) bool {
	for _, f := range files {
		for _, o := range f.Objects {
			if o.Group != r.Group || o.Kind != r.Kind || o.Name != r.Name {
				continue
			}
			if _, err := d.resource(&o); err != nil || o.Namespace == r.Namespace {
				return true // with an error it may be the one, and deleting waits
			}
		}
	}
	return false
}

// resource finds the endpoint for an object, and sets the namespace it has there: the default one where a manifest names none, none
// where the kind has none. Without a version it takes one that is served.
func (d *Deployer) resource(r *ref) (dynamic.ResourceInterface, error) {
	kind := schema.GroupKind{Group: r.Group, Kind: r.Kind}
	mapping, err := d.mapper.RESTMapping(kind, r.Version)
	if meta.IsNoMatchError(err) {
		d.mapper.Reset() // the definition may have come since
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

// delete takes an object out of the cluster unless one of the files names it.
func (d *Deployer) delete(ctx context.Context, r ref, files map[string]record) error {
	r.Version = "" // the one it was applied in may be served no longer
	api, err := d.resource(&r)
	if meta.IsNoMatchError(err) {
		return nil // its kind is gone, and it with it
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

// Exists reports whether the folder is there at all: an agent has none.
func Exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}
