package status

import "sync"

// Told remembers which problems have been printed on the console, because a service repeats its list with every change
// and in every run.
type Told struct {
	mu   sync.Mutex
	said map[string]bool
}

// maxTold limits it; beyond that some problems are printed again.
const maxTold = 1000

// Fresh returns the lines that were not printed before.
func (t *Told) Fresh(service string, lines []string) (out []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.said == nil || len(t.said) > maxTold {
		t.said = map[string]bool{}
	}
	for _, l := range lines {
		if key := service + " " + l; !t.said[key] {
			t.said[key] = true
			out = append(out, l)
		}
	}
	return out
}
