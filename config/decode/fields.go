package decode

import (
	"reflect"
	"strconv"
)

// fieldsOf maps a struct's keys to field indexes.
func fieldsOf(t reflect.Type) map[string]int {
	out := map[string]int{}
	for i := range t.NumField() {
		out[t.Field(i).Tag.Get("yaml")] = i
	}
	return out
}

// Keys returns the names of a schema's top-level keys.
func Keys(schema any) []string { return names(fieldsOf(reflect.TypeOf(schema))) }

func names(fields map[string]int) (out []string) {
	for k := range fields {
		out = append(out, k)
	}
	return out
}

// Defaults sets the defaults in the tags of a schema.
func Defaults(into any) { setDefaultsOf(reflect.ValueOf(into).Elem()) }

// setDefaultsOf sets the defaults in the schema's tags.
func setDefaultsOf(v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		f, def := v.Field(i), v.Type().Field(i).Tag.Get("default")
		switch {
		case f.Kind() == reflect.Struct:
			setDefaultsOf(f)
		case def == "":
		case f.Kind() == reflect.Bool:
			f.SetBool(def == "true")
		case f.Kind() == reflect.Int:
			n, _ := strconv.Atoi(def) // a test parses every default
			f.SetInt(int64(n))
		case f.Kind() == reflect.String:
			f.SetString(def)
		}
	}
}
