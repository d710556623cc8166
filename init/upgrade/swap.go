package upgrade

import (
	"fmt"

	"github.com/proa-os/proa/init/upgrade/journal"
)

// swap begins the trial by a soft swap, if that is wanted and possible. The journal has the way before it is taken: this
// program is ended on it.
func (r *run) swap() (began bool, err error) {
	way := func(w journal.Way, why string) error {
		r.out.Way, r.out.NoSwap = w, why
		return r.update(func(e *journal.Entry) { e.Way, e.NoSwap = w, why })
	}
	if r.Swap == nil {
		return false, way(journal.ByRestart, "")
	}
	if err := way(journal.BySwap, ""); err != nil {
		return false, err
	}
	no := r.Swap(r.say)
	if no == nil {
		return true, nil
	}
	r.say(fmt.Sprintf("%v; the machine is restarted instead", no))
	return false, way(journal.ByRestart, no.Error())
}
