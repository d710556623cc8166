package aftergood

import (
	"time"

	"github.com/proa-os/proa/init/pstore"
)

// Cause says why the last boot ended without a shutdown, "" if nothing tells. lost: the kernel has kept its panic, so that
// the boot was lost whatever else is known of it. reset: a watchdog's driver says that this watchdog reset the machine. Of
// the kernel's records only those since a time count; older ones may lie there for years.
func Cause(kept pstore.Store, reset bool, since time.Time) (cause string, lost bool) {
	d := kept.Since(since)
	switch {
	case d != nil:
		return "the kernel panicked: " + d.Panic, true
	case reset:
		return Watchdog, false
	}
	return "", false
}
