package powercut

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Done is the part of an operation that is on the medium: bytes From to To of it.
type Done struct {
	Op       int // in its epoch
	From, To int64
}

// State is what a power cut leaves: all earlier epochs, and some of the operations of one.
type State struct {
	Epoch int
	How   string // "after 3 of 7 writes"
	Head  int64  // offset in the log of the last operation that was issued
	Done  []Done
}

func (s State) String() string { return fmt.Sprintf("run %d, %s", s.Epoch+1, s.How) }

// Bounds limit the states.
type Bounds struct {
	Subsets int // of the operations of an epoch; more than that many are chosen by Seed
	Seed    uint64
}

// Count is how many states there were.
type Count struct {
	Epochs, Ops int
	States      int // that a power cut can leave, within the bounds
	Distinct    int // that differ in what is compared
}

// Each calls f with every distinct state, in the order of the run. The image is only valid during the call.
func (r *Run) Each(b Bounds, f func(State, *Image) error) (c Count, err error) {
	m, err := r.Before()
	if err != nil {
		return c, err
	}
	seen := map[Key]bool{}
	for n, e := range r.epochs() {
		c.Epochs, c.Ops = c.Epochs+1, c.Ops+len(e)
		for _, s := range m.states(n, e, b) {
			c.States++
			mark := m.mark()
			m.leave(e, s)
			if k := m.Key(); !seen[k] {
				seen[k] = true
				c.Distinct++
				if err := f(s, m); err != nil {
					return c, fmt.Errorf("%s: %w", s, err)
				}
			}
			m.back(mark)
		}
		m.finish(e)
	}
	return c, nil
}

// Visit calls f with given states, which must be in the order of the run.
func (r *Run) Visit(states []State, f func(State, *Image) error) error {
	m, err := r.Before()
	if err != nil {
		return err
	}
	for n, e := range r.epochs() {
		for ; len(states) > 0 && states[0].Epoch == n; states = states[1:] {
			mark := m.mark()
			m.leave(e, states[0])
			if err := f(states[0], m); err != nil {
				return fmt.Errorf("%s: %w", states[0], err)
			}
			m.back(mark)
		}
		m.finish(e)
	}
	if len(states) > 0 {
		return fmt.Errorf("%s is not in the order of the run", states[0])
	}
	return nil
}

func (m *Image) leave(e epoch, s State) {
	for _, d := range s.Done {
		m.apply(&e[d.Op], d.From, d.To)
	}
}

// finish applies a whole epoch for good.
func (m *Image) finish(e epoch) {
	for i := range e {
		m.apply(&e[i], 0, e[i].Size)
	}
	m.undo = m.undo[:0]
}

// states returns the states of one epoch.
func (m *Image) states(n int, e epoch, b Bounds) (list []State) {
	g := generator{n: n, e: e, rand: rand.New(rand.NewPCG(b.Seed, uint64(n)))}
	for i := range e {
		g.kinds = append(g.kinds, m.kind(&e[i]))
	}
	g.prefixes()
	g.subsets(b.Subsets)
	g.torn()
	return g.list
}

type generator struct {
	n     int
	e     epoch
	kinds []Kind
	rand  *rand.Rand
	list  []State
}

func (g *generator) add(how string, last int, done []Done) {
	g.list = append(g.list, State{g.n, how, g.e[last].Head, done})
}

func (g *generator) whole(i int) Done { return Done{i, 0, g.e[i].Size} }

// first returns the first n operations.
func (g *generator) first(n int) (done []Done) {
	for i := range n {
		done = append(done, g.whole(i))
	}
	return done
}

func (g *generator) prefixes() {
	for n := range len(g.e) + 1 {
		g.add(fmt.Sprintf("after %d of %d", n, len(g.e)), max(n-1, 0), g.first(n))
	}
}

// subsets adds subsets of the operations that are compared. Of partitions that are whole or not either all operations are
// on the medium or a chosen part of them; of those that are ignored always a chosen part.
func (g *generator) subsets(most int) {
	var compared []int
	whole := false
	for i, k := range g.kinds {
		if k == Compared {
			compared = append(compared, i)
		}
		whole = whole || k == Whole
	}
	if len(g.e) < 2 || len(compared) == 0 {
		return
	}
	for _, in := range g.choose(len(compared), most) {
		g.subset(compared, in, false)
		if whole {
			g.subset(compared, in, true)
		}
	}
}

// choose returns all subsets of n things, or some if there are more than most: always each thing alone, and all but each.
func (g *generator) choose(n, most int) (sets [][]bool) {
	number := func(bit func(i int) bool) {
		set := make([]bool, n)
		for i := range set {
			set[i] = bit(i)
		}
		sets = append(sets, set)
	}
	if n < 31 && 1<<n <= most {
		for v := range 1 << n {
			number(func(i int) bool { return v>>i&1 == 1 })
		}
		return sets
	}
	for j := range n {
		number(func(i int) bool { return i == j })
		number(func(i int) bool { return i != j })
	}
	for len(sets) < most {
		number(func(int) bool { return g.rand.IntN(2) == 1 })
	}
	return sets
}

func (g *generator) subset(compared []int, in []bool, wholeDone bool) {
	var done []Done
	for i, k := range g.kinds {
		there := g.rand.IntN(2) == 1
		switch at := slices.Index(compared, i); {
		case at >= 0:
			there = in[at]
		case k == Whole:
			there = there || wholeDone
		}
		if there {
			done = append(done, g.whole(i))
		}
	}
	g.add(fmt.Sprintf("%d of %d, not in order", len(done), len(g.e)), len(g.e)-1, done)
}

// torn adds writes of several sectors of which only the first or the last sectors are on the medium: after all earlier
// operations of the epoch, and with all others.
func (g *generator) torn() {
	for i := range g.e {
		o := &g.e[i]
		if g.kinds[i] != Compared || o.Size <= sector {
			continue
		}
		for _, cut := range g.cuts(o.Size) {
			how := fmt.Sprintf("write %d of %d torn at %d of %d", i+1, len(g.e), cut, o.Size)
			head, tail := Done{i, 0, cut}, Done{i, cut, o.Size}
			g.add(how, i, append(g.first(i), head))
			g.add(how+", its end only", i, append(g.first(i), tail))
			if len(g.e) > 1 {
				others := slices.Delete(g.first(len(g.e)), i, i+1)
				g.add(how+", with all others", len(g.e)-1, slices.Insert(others, i, head))
			}
		}
	}
}

// cuts returns where a write is torn: at every sector if it is small, else at the first, the middle, the last and another.
func (g *generator) cuts(size int64) (at []int64) {
	sectors := size / sector
	if size <= 8<<10 {
		for n := int64(1); n < sectors; n++ {
			at = append(at, n*sector)
		}
		return at
	}
	at = []int64{1, sectors / 2, sectors - 1, 1 + g.rand.Int64N(sectors-1)}
	for i := range at {
		at[i] *= sector
	}
	slices.Sort(at)
	return slices.Compact(at)
}
