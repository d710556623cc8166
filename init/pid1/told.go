package pid1

import "sync"

// told remembers which problems are on the console already: a service repeats its list with every change, and in every run.
type told struct {
	mu   sync.Mutex
	said map[string]bool
}

// maxTold bounds it; a machine with more problems than that tells some of them again.
const maxTold = 1000

// fresh are the lines that were not told before.
func (t *told) fresh(service string, lines []string) (out []string) {
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
