package api

import (
	"bytes"
	"context"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// definition returns the definition in the packaged manifest; an unknown key is an error.
func definition(t *testing.T) *v1.CustomResourceDefinition {
	t.Helper()
	text, err := os.ReadFile("../../../overlay/rootfs/usr/share/proa/manifests/upgrades.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(text, []byte("\n---\n"))
	crd := &v1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(first, crd); err != nil {
		t.Fatal(err)
	}
	return crd
}

// TestDefinition: the API server's own validation accepts the definition.
func TestDefinition(t *testing.T) {
	crd := definition(t)
	v1.SetDefaults_CustomResourceDefinition(crd)
	v1.SetDefaults_CustomResourceDefinitionSpec(&crd.Spec)
	var inside apiextensions.CustomResourceDefinition
	if err := v1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(crd, &inside, nil); err != nil {
		t.Fatal(err)
	}
	inside.Status.StoredVersions = []string{Resource.Version}
	for _, e := range validation.ValidateCustomResourceDefinition(context.Background(), &inside) {
		t.Error(e)
	}
	if crd.Spec.Group != Resource.Group || crd.Spec.Names.Plural != Resource.Resource || crd.Spec.Names.Kind != Kind {
		t.Errorf("%+v", crd.Spec)
	}
}

// TestSchemaAndStructs: both have the same fields, and every field of the specification is described.
func TestSchemaAndStructs(t *testing.T) {
	root := definition(t).Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
	same(t, "spec", root["spec"], reflect.TypeFor[Spec]())
	same(t, "status", root["status"], reflect.TypeFor[Status]())
}

func same(t *testing.T, path string, s v1.JSONSchemaProps, kind reflect.Type) {
	if strings.HasPrefix(path, "spec.") && s.Description == "" && !strings.HasSuffix(path, "[]") {
		t.Errorf("%s has no description", path)
	}
	for kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	if kind.Kind() == reflect.Slice {
		if s.Items == nil {
			t.Errorf("%s is no list in the schema", path)
			return
		}
		same(t, path+"[]", *s.Items.Schema, kind.Elem())
		return
	}
	if kind.Kind() != reflect.Struct || kind.PkgPath() != reflect.TypeFor[Spec]().PkgPath() && kind != reflect.TypeFor[metav1.LabelSelector]() {
		return
	}
	var fields []string
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		fields = append(fields, name)
		p, ok := s.Properties[name]
		if !ok {
			t.Errorf("%s.%s is not in the schema", path, name)
			continue
		}
		if kind != reflect.TypeFor[metav1.LabelSelector]() {
			same(t, path+"."+name, p, kind.Field(i).Type)
		}
	}
	for name := range s.Properties {
		if !slices.Contains(fields, name) {
			t.Errorf("%s.%s is in the schema only", path, name)
		}
	}
}
