package trust

import "time"

// Clock is what is known of the time.
type Clock struct {
	Now   time.Time // of the system
	Known bool      // it was synchronised since the system started
	Built time.Time // of the running image
	Seen  time.Time // when this machine last ran
}

// reference returns the time by which expiry is judged. It is never before the build, nor before the newest time that
// the repository has signed: who withholds new metadata gains no more by turning a clock back. A clock that is not
// known is also not before the machine last ran.
func (c Clock) reference(signed time.Time) time.Time {
	t := newest(c.Now, c.Built, signed)
	if !c.Known {
		t = newest(t, c.Seen)
	}
	return t.UTC()
}

func newest(list ...time.Time) (t time.Time) {
	for _, other := range list {
		if other.After(t) {
			t = other
		}
	}
	return t
}
