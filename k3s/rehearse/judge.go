package rehearse

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	extensions "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver/scheme"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/controlplane"

	"github.com/proa-os/proa/config/rehearsal"
	"github.com/proa-os/proa/k3s/rehearse/custom"
)

// schemes know the types of Kubernetes itself. The API server decodes what is stored with the same ones.
var schemes = []*runtime.Scheme{legacyscheme.Scheme, extensions.Scheme, aggregator.Scheme}

// uses are the uses of versions by kind, with their counts.
type uses map[rehearsal.Use]*rehearsal.Use

// judge collects what the objects of a database use.
type judge struct {
	allowed map[string]bool
	customs custom.Definitions // in the database
	found   rehearsal.Report
	unread  uses
	unserve uses
}

func newJudge(allowed map[string]bool) *judge {
	return &judge{allowed: allowed, customs: custom.Definitions{}, unread: uses{}, unserve: uses{}}
}

// encrypted begins values that are encrypted at rest (KMS, aescbc, secretbox …).
var encrypted = []byte("k8s:enc:")

// binary begins values that are not JSON (k8s.io/apimachinery/pkg/runtime/serializer/protobuf).
var binary = []byte("k8s\x00")

func (j *judge) look(key string, value []byte) {
	if bytes.HasPrefix(value, encrypted) {
		j.found.Objects++
		j.found.Encrypted++
		return
	}
	kind := kindOf(value)
	if kind.Version == "" { // no object: kine's own key, masterleases
		return
	}
	j.found.Objects++
	scheme, text := schemeOf(kind.Group), !bytes.HasPrefix(value, binary)
	switch {
	case text && j.customs.Has(key): // its versions, and those of its clients, are the business of its definition
	case text && scheme == nil: // one whose definition is gone: no version of Kubernetes reads it
	case scheme == nil || !scheme.Recognizes(kind):
		count(j.unread, rehearsal.Use{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind}, key)
	default:
		j.decode(scheme, kind, key, value)
	}
}

// decode reads the object as the API server would.
func (j *judge) decode(scheme *runtime.Scheme, kind schema.GroupVersionKind, key string, value []byte) {
	object, _, err := serializer.NewCodecFactory(scheme).UniversalDeserializer().Decode(value, nil, nil)
	if err != nil {
		count(j.unread, rehearsal.Use{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind}, key)
		return
	}
	if m, err := meta.Accessor(object); err == nil {
		j.clients(kind, m)
	}
}

// clients looks at the versions in which clients wrote the fields of an object.
func (j *judge) clients(kind schema.GroupVersionKind, m metav1.Object) {
	for _, f := range m.GetManagedFields() {
		gv, err := schema.ParseGroupVersion(f.APIVersion)
		if err != nil || schemeOf(gv.Group) == nil || j.serves(gv) {
			continue
		}
		name := m.GetName()
		if ns := m.GetNamespace(); ns != "" {
			name = ns + "/" + name
		}
		count(j.unserve, rehearsal.Use{APIVersion: f.APIVersion, Kind: kind.Kind, Client: f.Manager}, name)
	}
}

var served = controlplane.DefaultAPIResourceConfigSource().GroupVersionConfigs

// serves says whether a version of a group of Kubernetes itself can be asked for. The two servers beside kube-apiserver
// serve what they know.
func (j *judge) serves(gv schema.GroupVersion) bool {
	if scheme := schemeOf(gv.Group); scheme != legacyscheme.Scheme {
		return scheme.IsVersionRegistered(gv)
	}
	return served[gv] || j.allowed[gv.String()]
}

func schemeOf(group string) *runtime.Scheme {
	for _, s := range schemes {
		if s.IsGroupRegistered(group) {
			return s
		}
	}
	return nil
}

// kindOf reads the type of a stored object; it is empty for anything else.
func kindOf(value []byte) schema.GroupVersionKind {
	var t runtime.TypeMeta
	if rest, ok := bytes.CutPrefix(value, binary); ok {
		var u runtime.Unknown
		if u.Unmarshal(rest) != nil {
			return schema.GroupVersionKind{}
		}
		t = u.TypeMeta
	} else if json.Unmarshal(value, &t) != nil {
		return schema.GroupVersionKind{}
	}
	return t.GroupVersionKind()
}

func count(in uses, u rehearsal.Use, example string) {
	if in[u] == nil {
		in[u] = &rehearsal.Use{APIVersion: u.APIVersion, Kind: u.Kind, Client: u.Client, Example: example}
	}
	in[u].Count++
}

func (j *judge) report() rehearsal.Report {
	j.found.Unreadable, j.found.Unserved = list(j.unread), list(j.unserve)
	return j.found
}

func list(uses uses) (out []rehearsal.Use) {
	for _, u := range uses {
		out = append(out, *u)
	}
	slices.SortFunc(out, func(a, b rehearsal.Use) int {
		return cmp.Or(cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Client, b.Client))
	})
	return out
}

// Enabled are the group versions that --kube-apiserver-arg=runtime-config=GROUP/VERSION[/RESOURCE][=true] enables.
func Enabled(args []string) map[string]bool {
	all := map[string]bool{}
	for _, arg := range args {
		list, ok := strings.CutPrefix(arg, "runtime-config=")
		if !ok {
			continue
		}
		for _, item := range strings.Split(list, ",") {
			name, value, _ := strings.Cut(item, "=")
			if parts := strings.Split(name, "/"); len(parts) >= 2 && value != "false" {
				all[parts[0]+"/"+parts[1]] = true
			}
		}
	}
	return all
}
