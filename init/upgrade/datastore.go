package upgrade

import (
	"context"
	"fmt"

	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/rehearse"
)

// copyDatastore copies the datastore, for the rehearsal and as the snapshot to go back to.
func copyDatastore(ctx context.Context, r *run) (err error) {
	if r.Stage == nil {
		return nil
	}
	r.none, err = r.Stage.Copy(ctx)
	if err != nil && r.Options.Unrehearsed && ctx.Err() == nil {
		r.none, err = fmt.Sprintf("no snapshot of the datastore is kept: %v", err), nil
	}
	if err != nil {
		return fmt.Errorf("%w; or proa upgrade apply --skip-rehearsal goes on without a copy", err)
	}
	if r.none != "" {
		return r.note("not rehearsed: " + r.none)
	}
	return nil
}

// rehearseDatastore has the new version open a copy of the datastore.
func rehearseDatastore(ctx context.Context, r *run) error {
	switch {
	case r.Stage == nil || r.none != "":
		return nil
	case r.Options.Unrehearsed:
		return r.note("not rehearsed, by command or configuration")
	}
	r.say(fmt.Sprintf("rehearsing: %s opens a copy of the datastore", r.m.Version))
	_, text := r.plan.Source.Manifest()
	report, err := r.Stage.Try(ctx, r.Target, r.m, rehearse.Signed{Text: text, Sig: r.plan.Source.Signatures()})
	if err != nil {
		return fmt.Errorf("%w; nothing was changed, and the running version goes on; proa upgrade apply --skip-rehearsal would try it nevertheless", err)
	}
	return r.note(report.Lines()...)
}

// keepDatastore makes the copy the snapshot.
func keepDatastore(_ context.Context, r *run) error {
	if r.Stage == nil || r.none != "" {
		return nil
	}
	err := r.Stage.Keep(wayback.Record{Entry: r.id, Policy: r.Options.Datastore,
		From: wayback.Release{Version: r.Machine.Version, Root: wayback.ShortRoot(r.Machine.Root)},
		To:   wayback.Release{Version: r.m.Version, Root: wayback.ShortRoot(r.m.Root.Hash)}})
	if err != nil {
		return fmt.Errorf("keep the snapshot of the datastore: %w", err)
	}
	return nil
}

// note tells the user, and the journal.
func (r *run) note(lines ...string) error {
	for _, l := range lines {
		r.say(l)
	}
	return r.update(func(e *journal.Entry) { e.Rehearsal = lines })
}
