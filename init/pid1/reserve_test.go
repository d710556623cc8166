package pid1

import (
	"errors"
	"strings"
	"testing"

	"github.com/proa-os/proa/init/reserve"
	"github.com/proa-os/proa/init/status"
)

// TestFullness: the console says once that data is full, and once that it is not any more; the status says it as long
// as it is full.
func TestFullness(t *testing.T) {
	k, _ := keeping(nil, status.Status{}, 0)
	for i, c := range []struct {
		s       reserve.State
		err     error
		said    string
		problem string
	}{
		{reserve.State{Held: true, Changed: true}, nil, "", ""},
		{reserve.State{Held: true}, nil, "", ""},
		{reserve.State{Full: true, Changed: true, Free: 3 << 20, Size: 64 << 20}, nil, "data is full: 3 MiB are free, and the reserve of 64 MiB has been given back", "data is full"},
		{reserve.State{Full: true, Free: 60 << 20, Size: 64 << 20}, nil, "", "data is full: 3 MiB"},
		{reserve.State{Held: true, Changed: true, Size: 64 << 20}, nil, "data has room again", ""},
		{reserve.State{}, errors.New("input/output error"), "reserve: input/output error", "reserve: input/output error"},
		{reserve.State{}, errors.New("input/output error"), "", "reserve: input/output error"},
		{reserve.State{Held: true}, nil, "data has room again", ""},
	} {
		k.full.note(c.s, c.err)
		if said := k.full.say(); (said == "") != (c.said == "") || !strings.HasPrefix(said, c.said) {
			t.Errorf("%d: said %q, want %q", i, said, c.said)
		}
		if got := strings.Join(k.gather().Problems, "|"); (got == "") != (c.problem == "") || !strings.HasPrefix(got, c.problem) {
			t.Errorf("%d: status %q, want %q", i, got, c.problem)
		}
	}
}
