package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// stateName is the config map with the records of deployed files, one key per file.
const stateName = "deployed-manifests"

// state accesses the deployer's records in the cluster.
type state struct{ client dynamic.Interface }

func (s state) api() dynamic.ResourceInterface {
	return s.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(metav1.NamespaceSystem)
}

// key encodes a file name as a key of a config map, which may have letters, digits, dots, hyphens and underscores: a
// slash becomes two underscores, any other byte _-XX, its value in hexadecimal; so does an underscore that would be
// ambiguous.
func key(file string) string {
	var b strings.Builder
	for i := range len(file) {
		c, next := file[i], byte(0)
		if i+1 < len(file) {
			next = file[i+1]
		}
		switch {
		case c == '/':
			b.WriteString("__")
		case c == '_' && strings.IndexByte("_-/", next) < 0, c == '-', c == '.', c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "_-%02X", c)
		}
	}
	return b.String()
}

// file decodes a key to the file name.
func file(key string) string {
	var b strings.Builder
	for key != "" {
		head, rest, found := strings.Cut(key, "_")
		b.WriteString(head)
		key = rest
		if !found {
			break
		}
		value, err := strconv.ParseUint(key[min(1, len(key)):min(3, len(key))], 16, 8)
		switch {
		case strings.HasPrefix(key, "_"):
			b.WriteByte('/')
			key = key[1:]
		case strings.HasPrefix(key, "-") && len(key) >= 3 && err == nil:
			b.WriteByte(byte(value))
			key = key[3:]
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

func (s state) load(ctx context.Context) (map[string]record, error) {
	records := map[string]record{}
	m, err := s.api().Get(ctx, stateName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return records, s.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	data, _, err := unstructured.NestedStringMap(m.Object, "data")
	if err != nil {
		return nil, err
	}
	for k, text := range data {
		var r record
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		records[file(k)] = r
	}
	return records, nil
}

func (s state) create(ctx context.Context) error {
	m := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": stateName, "namespace": metav1.NamespaceSystem},
	}}
	_, err := s.api().Create(ctx, m, metav1.CreateOptions{})
	return err
}

// save stores the record of one file, or deletes it.
func (s state) save(ctx context.Context, file string, r *record) error {
	var value any
	if r != nil {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		value = string(text)
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]any{key(file): value}})
	if err != nil {
		return err
	}
	_, err = s.api().Patch(ctx, stateName, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}
