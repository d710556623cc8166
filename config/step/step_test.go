package step

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type log struct{ did []string }

func runner(reported *[]string) Runner {
	now := time.Duration(0)
	return Runner{List: "test", Report: func(r Result) { *reported = append(*reported, r.String()) },
		Clock: func() time.Duration { now += 41 * time.Millisecond; return now }}
}

func does(name string, err error) func(context.Context, *log) error {
	return func(_ context.Context, l *log) error { l.did = append(l.did, name); return err }
}

func TestPolicies(t *testing.T) {
	bad := errors.New("no such device")
	for _, c := range []struct {
		policy Policy
		did    string
		ends   bool
	}{
		{Halt, "a b", true},
		{Rollback, "a b", true},
		{Warn, "a b c", false},
		{Retry, "a b b b c", false},
	} {
		var said []string
		l := &log{}
		list := []Step[*log]{{"first", does("a", nil), Halt, 0}, {"second", does("b", bad), c.policy, 0}, {"third", does("c", nil), Halt, 0}}
		_, err := Run(t.Context(), runner(&said), list, l)
		if got := strings.Join(l.did, " "); got != c.did {
			t.Errorf("%s: did %s, want %s", c.policy, got, c.did)
		}
		var e *Error
		if errors.As(err, &e) != c.ends {
			t.Errorf("%s: error %v", c.policy, err)
		}
		if c.ends && (e.Error() != "second: no such device" || !errors.Is(err, bad)) {
			t.Errorf("%s: %v", c.policy, err)
		}
	}
}

func TestLines(t *testing.T) {
	var said []string
	list := []Step[*log]{{"load-modules", does("a", nil), Halt, 0}, {"network", does("b", errors.New("no link")), Warn, 0}}
	if _, err := Run(t.Context(), runner(&said), list, &log{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"1/2 load-modules ok 41ms", "2/2 network FAILED (warn) 41ms: no link"}
	if d := cmp.Diff(want, said); d != "" {
		t.Error(d)
	}
}

func TestPanicIsAnError(t *testing.T) {
	var said []string
	list := []Step[*log]{{"explode", func(context.Context, *log) error { panic("boom") }, Warn, 0}, {"after", does("b", nil), Halt, 0}}
	l := &log{}
	results, err := Run(t.Context(), runner(&said), list, l)
	if err != nil || len(l.did) != 1 || !strings.Contains(results[0].Error, "panic: boom") {
		t.Errorf("%v %v %v", err, l.did, results)
	}
}

// TestBegin: Begin is called before the step runs.
func TestBegin(t *testing.T) {
	var said []string
	r := runner(&said)
	r.Begin = func(name string, limit time.Duration) { said = append(said, "begin "+name+" "+limit.String()) }
	list := []Step[*log]{{"data", does("a", nil), Halt, 2 * time.Hour}, {"clock", does("b", nil), Halt, time.Minute}}
	if _, err := Run(t.Context(), r, list, &log{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"begin data 2h0m0s", "1/2 data ok 41ms", "begin clock 1m0s", "2/2 clock ok 41ms"}
	if d := cmp.Diff(want, said); d != "" {
		t.Error(d)
	}
}
