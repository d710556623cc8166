package health

import "time"

// Steady follows how long the node has been Ready without a restart of k3s. The zero value: it was not Ready yet.
type Steady struct {
	since    time.Time // zero: it is not Ready
	restarts int
}

// Look takes the state at a time, and returns for how long it has held. restarts is how often the runtime was restarted
// since the boot: a restart between two looks counts, although the node is Ready at both.
func (s *Steady) Look(now time.Time, ready bool, restarts int) time.Duration {
	switch {
	case !ready:
		s.since = time.Time{}
	case s.since.IsZero() || restarts != s.restarts:
		s.since = now
	}
	s.restarts = restarts
	if s.since.IsZero() {
		return 0
	}
	return now.Sub(s.since)
}
