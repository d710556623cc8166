package journal

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
)

// TestContract: the file has the fields of nodeupgrade.Log, and no others: cluster and host read it by that.
func TestContract(t *testing.T) {
	var j Journal
	fill(reflect.ValueOf(&j).Elem())
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	var l nodeupgrade.Log
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields()
	if err := in.Decode(&l); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(l); err != nil || !bytes.Equal(again, text) {
		t.Errorf("%v\n%s\n%s", err, text, again)
	}
	for mine, theirs := range map[State]nodeupgrade.Phase{Writing: nodeupgrade.Writing, Written: nodeupgrade.Written, Trying: nodeupgrade.Trying, Ended: nodeupgrade.Ended} {
		if string(mine) != string(theirs) {
			t.Errorf("%q, %q", mine, theirs)
		}
	}
	if File != nodeupgrade.LogFile {
		t.Errorf("%s, %s", File, nodeupgrade.LogFile)
	}
}

// fill sets every field to something that is not empty.
func fill(v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000, 0).UTC()))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case v.Kind() == reflect.String:
		v.SetString("x")
	default:
		v.SetInt(7)
	}
}
