package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnabled(t *testing.T) {
	got := enabled([]string{"v=2", "runtime-config=a.io/v1beta1=true,b.io/v1/things,c.io/v1=false,api/all", "runtime-config=d.io/v2"})
	want := map[string]bool{"a.io/v1beta1": true, "b.io/v1": true, "api/all": true, "d.io/v2": true}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestArgumentsOfDatastoreVerbs(t *testing.T) {
	for _, c := range []struct {
		args string
		n    int
		want string
	}{
		{"copy.db --data-dir=/x", 1, "copy.db"},
		{"", 0, ""},
		{"", 1, "error"},
		{"--data-dir=/x copy.db", 1, "error"},
		{"a b", 1, "error"}, // flags.Parse refuses what is left over
	} {
		config, files, err := forDatastore(strings.Fields(c.args), "", c.n)
		got := strings.Join(files, " ")
		if err != nil {
			got = "error"
		}
		if got != c.want || err == nil && config == nil {
			t.Errorf("%q: %q, %v", c.args, got, err)
		}
	}
}
