package watchdog

import (
	"sync"
	"time"
)

// Guard feeds the watchdogs while a list of steps runs, each within its time limit. If a step exceeds its limit it
// stops feeding, so that the hardware resets a boot that hangs. This is for slots on trial: once it is known that
// another boot would not help, the guard feeds without limits, because a check of a large disk may take any time.
type Guard struct {
	Dogs *Dogs
	Logf func(string, ...any)
	// Late is called once, in a goroutine, when a step exceeds its limit.
	Late func(step string, limit time.Duration)

	mu      sync.Mutex
	step    string
	limit   time.Duration
	began   time.Time
	patient bool
	late    bool
	quit    chan struct{}
}

// Begin says that a step starts.
func (g *Guard) Begin(step string, limit time.Duration) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.step, g.limit, g.began = step, limit, time.Now()
}

// Patient removes the limits.
func (g *Guard) Patient() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.patient = true
}

// Count returns the number of watchdogs.
func (g *Guard) Count() int {
	if g == nil {
		return 0
	}
	return g.Dogs.Count()
}

// Start feeds until End.
func (g *Guard) Start() {
	if g == nil {
		return
	}
	g.quit = make(chan struct{})
	g.tick(time.Now())
	go g.run(g.quit)
}

func (g *Guard) run(quit chan struct{}) {
	t := time.NewTicker(Interval)
	defer t.Stop()
	for {
		select {
		case <-quit:
			return
		case now := <-t.C:
			g.tick(now)
		}
	}
}

// End stops the feeding; the caller takes over.
func (g *Guard) End() {
	if g != nil && g.quit != nil {
		close(g.quit)
		g.quit = nil
	}
}

// tick feeds unless a step has exceeded its limit. Late runs in a goroutine, because it may write to the disk that
// hangs.
func (g *Guard) tick(now time.Time) {
	g.mu.Lock()
	step, limit := g.step, g.limit
	over := !g.patient && (g.late || step != "" && now.Sub(g.began) > limit)
	first := over && !g.late
	g.late = g.late || over
	g.mu.Unlock()
	if !over {
		if err := g.Dogs.Feed(); err != nil && g.Logf != nil {
			g.Logf("%v", err)
		}
		return
	}
	if first && g.Late != nil {
		go g.Late(step, limit)
	}
}
