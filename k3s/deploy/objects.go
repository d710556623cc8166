package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// ref identifies an object as a manifest does: the version is not part of its identity, and the namespace may be
// missing.
type ref struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

func refOf(o *unstructured.Unstructured) ref {
	gvk := o.GroupVersionKind()
	return ref{gvk.Group, gvk.Version, gvk.Kind, o.GetNamespace(), o.GetName()}
}

// decode splits a manifest into objects; lists are expanded.
func decode(data []byte) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := yaml.ToJSON(doc)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
			continue
		}
		objects, err := open(text)
		if err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
}

func open(text []byte) ([]*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	if o.IsList() {
		list, err := o.ToList()
		if err != nil {
			return nil, err
		}
		var all []*unstructured.Unstructured
		for i := range list.Items {
			all = append(all, &list.Items[i])
		}
		return all, nil
	}
	if o.GetName() == "" {
		return nil, fmt.Errorf("%s without a name", o.GetKind())
	}
	return []*unstructured.Unstructured{o}, nil
}
