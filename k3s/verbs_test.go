package main

import (
	"strings"
	"testing"
)

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
