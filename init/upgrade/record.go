package upgrade

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/init/upgrade/journal"
)

func (r *run) journal() string { return filepath.Join(r.Dir, filepath.Base(journal.File)) }

// update changes this run's entry.
func (r *run) update(change func(*journal.Entry)) error {
	return journal.Update(r.journal(), func(j *journal.Journal) bool {
		e := j.Get(r.id)
		if e != nil {
			change(e)
		}
		return e != nil
	})
}

// finish ends the entry of a run that failed, and records one that failed before it had an entry.
func (r *run) finish(ctx context.Context, err error) (Outcome, error) {
	if err == nil || errors.Is(err, errNothing) {
		return r.out, nil
	}
	if r.Stage != nil && !r.out.Trying {
		r.Stage.Drop()
	}
	result, reason := journal.Failed, err.Error()
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		result, reason = journal.Aborted, "stopped"
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			reason = "stopped: " + cause.Error()
		}
		err = ErrStopped
	}
	if r.Options.Until == Check || r.out.Trying {
		return r.out, err
	}
	kept := journal.Update(r.journal(), func(j *journal.Journal) bool {
		if r.id == 0 {
			r.id = j.Fresh(r.entry(), result, reason)
			r.out.Entry = r.id
		}
		j.End(r.id, result, reason, time.Now())
		j.Fold()
		return true
	})
	if kept != nil && !strings.HasSuffix(err.Error(), kept.Error()) {
		err = errors.Join(err, kept)
	}
	return r.out, err
}
