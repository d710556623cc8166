package graph

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// log is an Observer that records the order of events.
type log struct {
	mu     sync.Mutex
	events []string
}

func (l *log) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, s)
}
func (l *log) Start(s string, _ []string)              { l.add("start " + s) }
func (l *log) Progress(string, int64, int64)           {}
func (l *log) Done(s string, _ time.Duration, _ error) { l.add("done " + s) }

// write is a step that writes its value and what its dependencies wrote.
func write(value string) Step {
	return Step{
		Inputs: []Input{{"value", value}},
		Run: func(_ context.Context, j *Job) error {
			for _, dir := range j.deps {
				b, err := os.ReadFile(filepath.Join(dir, "f"))
				if err != nil {
					return err
				}
				value += string(b)
			}
			return os.WriteFile(j.Path("f"), []byte(value), 0o644)
		},
	}
}

// chain is a <- b <- c with a value for each.
func chain(a, b, c string) *Graph {
	g := &Graph{}
	x := g.Add("a", write(a))
	y := g.Add("b", write(b), x)
	g.Add("c", write(c), y)
	return g
}

func run(t *testing.T, c *Cache, g *Graph, target string) []string {
	t.Helper()
	l := &log{}
	r := &Runner{Cache: c, Scope: "test", Observer: l, Jobs: 1}
	if err := r.Run(context.Background(), g, g.Find(target)); err != nil {
		t.Fatal(err)
	}
	return l.events
}

func TestOnlyWhatChangedRunsAgain(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	all := []string{"start a", "done a", "start b", "done b", "start c", "done c"}
	if d := cmp.Diff(all, run(t, c, chain("1", "2", "3"), "c")); d != "" {
		t.Errorf("first run (-want +got):\n%s", d)
	}
	if got := run(t, c, chain("1", "2", "3"), "c"); got != nil {
		t.Errorf("nothing changed, but ran %v", got)
	}
	g := chain("1", "2", "4")
	if d := cmp.Diff([]string{"start c", "done c"}, run(t, c, g, "c")); d != "" {
		t.Errorf("c changed (-want +got):\n%s", d)
	}
	b, err := os.ReadFile(filepath.Join(c.Out(g.Find("c")), "f"))
	if string(b) != "421" {
		t.Errorf("output %q, %v; want 421", b, err)
	}
	if d := cmp.Diff(all, run(t, c, chain("0", "2", "4"), "c")); d != "" {
		t.Errorf("a changed (-want +got):\n%s", d)
	}
}

func TestTargetInCacheNeedsNoInputs(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	g := chain("1", "2", "3")
	run(t, c, g, "c")
	if err := Remove(c.entry(g.Find("a").Key())); err != nil {
		t.Fatal(err)
	}
	if got := run(t, c, g, "c"); got != nil {
		t.Errorf("c is in the cache, but ran %v", got)
	}
}

func TestExplain(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	run(t, c, chain("1", "2", "3"), "c")
	g := chain("1", "5", "3")
	got := map[string][]string{}
	for _, a := range g.Actions {
		got[a.Name] = Explain(c.Last("test", a.Name), a)
	}
	want := map[string][]string{
		"a": nil,
		"b": {"value changed (5, was 2)"},
		"c": {"b is made again"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := Explain(c.Last("other", "a"), g.Find("a")); len(got) != 1 || got[0] != "never built here" {
		t.Errorf("another scope: %v", got)
	}
}

// TestExplainShared: a scope that found everything in the cache can explain later changes like the scope that ran the
// steps.
func TestExplainShared(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	run(t, c, chain("1", "2", "3"), "c")
	second := chain("1", "2", "3")
	r := &Runner{Cache: c, Scope: "second", Observer: &log{}}
	if err := r.Run(context.Background(), second, second.Find("c")); err != nil {
		t.Fatal(err)
	}
	want := []string{"value changed (5, was 2)"}
	if d := cmp.Diff(want, Explain(c.Last("second", "b"), chain("1", "5", "3").Find("b"))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestExplainNewAndGoneInputs(t *testing.T) {
	g := &Graph{}
	a := g.Add("a", Step{Inputs: []Input{{"new", "1"}}})
	last := &Record{Name: "a", Inputs: []Input{{"old", "1"}}, Deps: map[string]string{"x": "k"}}
	want := []string{"new is new", "old is gone", "no longer needs x"}
	if d := cmp.Diff(want, Explain(last, a)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestIndependentStepsRunTogether(t *testing.T) {
	g := &Graph{}
	meet := make(chan struct{})
	both := func(_ context.Context, _ *Job) error {
		select {
		case meet <- struct{}{}:
		case <-meet:
		case <-time.After(10 * time.Second):
			return errors.New("the other step never came")
		}
		return nil
	}
	x := g.Add("x", Step{Run: both})
	y := g.Add("y", Step{Run: both})
	z := g.Add("z", write("z"))
	r := &Runner{Cache: &Cache{Dir: t.TempDir()}, Observer: &log{}, Jobs: 2}
	if err := r.Run(context.Background(), g, x, y, z); err != nil {
		t.Fatal(err)
	}
}

func TestErrorStopsAndLeavesNothing(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	g := &Graph{}
	bad := g.Add("bad", Step{Run: func(_ context.Context, j *Job) error {
		return errors.Join(os.WriteFile(j.Path("half"), nil, 0o644), errors.New("no disk"))
	}})
	after := g.Add("after", write("1"), bad)
	l := &log{}
	r := &Runner{Cache: c, Observer: l}
	err := r.Run(context.Background(), g, after)
	if err == nil || !strings.HasPrefix(err.Error(), "bad: ") {
		t.Errorf("error %v; want one that names the step", err)
	}
	if d := cmp.Diff([]string{"start bad", "done bad"}, l.events); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Dir, "tmp", "*")); left != nil || c.Has(bad) {
		t.Errorf("left behind: %v, cached: %v", left, c.Has(bad))
	}
}

func TestCancel(t *testing.T) {
	g := &Graph{}
	ctx, cancel := context.WithCancel(context.Background())
	a := g.Add("a", Step{Run: func(ctx context.Context, _ *Job) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}})
	b := g.Add("b", write("1"), a)
	err := (&Runner{Cache: &Cache{Dir: t.TempDir()}, Observer: &log{}}).Run(ctx, g, b)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want cancelled", err)
	}
}

func TestLocalOutputDoesNotMove(t *testing.T) {
	c := &Cache{Dir: filepath.Join(t.TempDir(), "one")}
	g := &Graph{}
	s := write("1")
	s.Local = true
	a := g.Add("tools", s)
	run(t, c, g, "tools")
	moved := &Cache{Dir: c.Dir + "-moved"}
	if err := os.Rename(c.Dir, moved.Dir); err != nil {
		t.Fatal(err)
	}
	if moved.Has(a) {
		t.Error("an output that holds its own path was taken from another place")
	}
	if got := run(t, moved, g, "tools"); len(got) != 2 || !moved.Has(a) {
		t.Errorf("ran %v; want it made again in the new place", got)
	}
}

func TestPruneKeepsThreeOfAName(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	for _, v := range []string{"1", "2", "3", "4", "5"} {
		run(t, c, chain("1", "2", v), "c")
	}
	count := func() int {
		list, _ := filepath.Glob(filepath.Join(c.Dir, "steps", "*"))
		return len(list)
	}
	if err := c.Prune(time.Now()); err != nil || count() != 7 {
		t.Errorf("within the hour: %d entries, %v; want 7", count(), err)
	}
	if err := c.Prune(time.Now().Add(2 * time.Hour)); err != nil || count() != 5 {
		t.Errorf("later: %d entries, %v; want a, b and three of c", count(), err)
	}
}

func TestTwoStepsOfOneNamePanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the second step of a name was accepted")
		}
	}()
	g := &Graph{}
	g.Add("a", write("1"))
	g.Add("a", write("2"))
}
