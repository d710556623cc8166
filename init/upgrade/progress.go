package upgrade

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/atomicfile"
)

// ProgressFile says what a running engine does, in memory.
const ProgressFile = "/run/proa/upgrade.json"

// Progress is the content of that file.
type Progress struct {
	Source string           `json:"source"`
	What   string           `json:"what"`
	Done   int64            `json:"done"` // bytes
	Total  int64            `json:"total"`
	Near   nodeupgrade.Near `json:"near,omitzero"` // came from machines of the site so far
	Since  time.Time        `json:"since"`         // begin of the run
}

// Text is one line.
func (p Progress) Text(now time.Time) string {
	text := fmt.Sprintf("running for %s, from %s", now.Sub(p.Since).Round(time.Second), p.Source)
	if p.Total > 0 {
		text += fmt.Sprintf(": %s, %d %% of %.1f MB", p.What, 100*p.Done/p.Total, float64(p.Total)/1e6)
	}
	if p.Near.Bytes > 0 {
		text += fmt.Sprintf("; %.1f MB came from %s", float64(p.Near.Bytes)/1e6, p.Near.From())
	}
	return text
}

// ReadProgress returns what the engine wrote last.
func ReadProgress(path string) (p Progress, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(b, &p)
}

// Told writes the progress of a run to a file, once a second at most, and passes it on; near says what came from machines
// of the site. The file is removed by done. Errors are not reported: the upgrade matters more.
func Told(path, source string, next func(string, int64, int64)) (tick func(string, int64, int64), near func(nodeupgrade.Near), done func()) {
	p := Progress{Source: source, Since: time.Now()}
	last := time.Time{}
	write := func() {
		if b, err := json.Marshal(p); err == nil {
			_ = atomicfile.Write(path, append(b, '\n'), 0o600)
		}
	}
	write()
	return func(what string, n, total int64) {
		if now := time.Now(); now.Sub(last) >= time.Second || n == total {
			last, p.What, p.Done, p.Total = now, what, n, total
			write()
		}
		if next != nil {
			next(what, n, total)
		}
	}, func(n nodeupgrade.Near) { p.Near = n }, func() { _ = os.Remove(path) }
}
