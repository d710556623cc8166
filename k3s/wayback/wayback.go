// Package wayback does what is to be done with the snapshot of the datastore that is kept at an upgrade, before the
// datastore is opened: the new version renews it at its first start; the old one, when it runs again, finds out whether it
// reads what the new one left, and restores the snapshot if it does not and the policy permits that; and a restore that
// somebody asked for is carried out. A power cut at any point leaves what the next start ends.
//
// It refuses to restore what this version could not read either. It never keeps the runtime from starting: what it could
// not do is a problem of the node, and the datastore is as it was.
package wayback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/k3s/datastore"
)

// Step is one start of the runtime.
type Step struct {
	Store datastore.Store
	File  string // of the record
	Root  string // the first 16 hex digits of the root hash that runs
	// Judge returns nil if this version reads, and can write, the database that put copies to a file. It wraps
	// datastore.ErrRoom if it could not find out.
	Judge func(ctx context.Context, put func(ctx context.Context, to string) error) error
	Now   func() time.Time
	// Status tells what happens; Problem is for what somebody must know or do.
	Status, Problem func(line string)
}

// Run does it. An error is one of the context.
func (s Step) Run(ctx context.Context) error {
	r, err := s.read()
	if err != nil {
		s.Problem(fmt.Sprintf("datastore: the record of its snapshot cannot be read, so nothing is restored: %v", err))
		return ctx.Err()
	}
	switch r.Next(s.Root) {
	case wayback.Renew:
		err = s.renew(ctx, r)
	case wayback.Judge:
		err = s.judge(ctx, r)
	case wayback.Replace:
		err = s.replace(ctx, r)
	default:
		s.remind(r)
	}
	if err != nil {
		s.Problem(fmt.Sprintf("datastore: %v", err))
	}
	return ctx.Err()
}

func (s Step) read() (wayback.Record, error) {
	f, err := os.Open(s.File)
	if errors.Is(err, os.ErrNotExist) {
		return wayback.Record{}, nil
	}
	if err != nil {
		return wayback.Record{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, wayback.MaxFile+1))
	if err != nil {
		return wayback.Record{}, err
	}
	return wayback.Parse(text)
}

func (s Step) save(r wayback.Record) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	return atomicfile.Write(s.File, text, 0o600)
}

// remind repeats what was said when the way back ended, as long as the old version runs.
func (s Step) remind(r wayback.Record) {
	if r.State == wayback.Ended && s.Root == r.From.Root && (r.Result == wayback.Unreadable || r.Result == wayback.Failed) {
		s.Problem("datastore: " + r.Message)
	}
}

// renew takes the snapshot again. If that fails the earlier one stays.
func (s Step) renew(ctx context.Context, r wayback.Record) error {
	fresh := r.Snapshot + ".new"
	err := os.RemoveAll(fresh)
	if err == nil {
		err = s.Store.Copy(ctx, fresh)
	}
	var info os.FileInfo
	if err == nil {
		info, err = os.Stat(fresh)
	}
	if err == nil {
		err = errors.Join(os.Rename(fresh, r.Snapshot), atomicfile.SyncDir(filepath.Dir(r.Snapshot)))
	}
	if ctx.Err() != nil {
		return nil // the next start does it
	}
	if err == nil {
		r.Taken, r.Bytes = s.Now().UTC().Truncate(time.Second), info.Size()
		s.Status("datastore: a snapshot was taken before this version opens it")
	} else {
		s.Status(fmt.Sprintf("datastore: the snapshot stays that of %s: %v", stamp(r), err))
	}
	r.State, r.Result, r.Message, r.At = wayback.Opened, "", "", time.Time{}
	return s.save(r)
}

// judge finds out whether this version reads what the newer one left.
func (s Step) judge(ctx context.Context, r wayback.Record) error {
	s.Status(fmt.Sprintf("datastore: %s had opened it; reading a copy", r.To.Version))
	why := s.Judge(ctx, s.Store.Copy)
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(why, datastore.ErrRoom):
		return fmt.Errorf("whether it can be read after %s is not known: %w; make room and restart k3s", r.To.Version, why)
	case why == nil:
		done := r.End(wayback.Readable, fmt.Sprintf("%s reads what %s left in the datastore: nothing was restored or lost", r.From.Version, r.To.Version), s.Now())
		s.Status("datastore: " + done.Message)
		return s.save(done)
	case r.Policy == wayback.Restore:
		s.Status(fmt.Sprintf("datastore: %v", why))
		return s.restore(ctx, r)
	}
	done := r.End(wayback.Unreadable, fmt.Sprintf("%s cannot take over what %s left in the datastore: %v; proa upgrade restore-datastore restores the snapshot of %s, and what was written since is lost: %s",
		r.From.Version, r.To.Version, why, stamp(r), s.loss(ctx, r)), s.Now())
	s.Problem("datastore: " + done.Message)
	return s.save(done)
}

// restore does it unless this version could not read the snapshot either.
func (s Step) restore(ctx context.Context, r wayback.Record) error {
	why := s.Judge(ctx, func(ctx context.Context, to string) error { return s.Store.CopyOf(ctx, r.Snapshot, to) })
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(why, datastore.ErrRoom):
		return fmt.Errorf("the snapshot of %s is not restored: %w; make room and restart k3s", stamp(r), why)
	case why != nil:
		return s.failed(r, why)
	}
	return s.replace(ctx, r)
}

// replace restores the snapshot, or ends what a power cut interrupted.
func (s Step) replace(ctx context.Context, r wayback.Record) error {
	if r.State != wayback.Restoring {
		if err := s.Store.Forget(); err != nil {
			return err
		}
		r.State, r.Result, r.Message = wayback.Restoring, "", s.loss(ctx, r)
		if err := s.save(r); err != nil {
			return err
		}
	}
	if !s.Store.Exchanged() {
		if err := s.Store.Restore(ctx, r.Snapshot); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return s.failed(r, err)
		}
	}
	done := r.End(wayback.Restored, fmt.Sprintf("the snapshot of %s was restored; what was written since is lost: %s; the replaced datastore is kept as %s",
		stamp(r), r.Message, s.Store.Replaced()), s.Now())
	s.Problem("datastore: " + done.Message)
	return s.save(done)
}

func (s Step) failed(r wayback.Record, why error) error {
	done := r.End(wayback.Failed, fmt.Sprintf("the snapshot of %s was not restored, and the datastore is as it was: %v", stamp(r), why), s.Now())
	s.Problem("datastore: " + done.Message)
	return s.save(done)
}

// loss says what is lost if the snapshot is restored.
func (s Step) loss(ctx context.Context, r wayback.Record) string {
	l, err := s.Store.Loss(ctx, r.Snapshot)
	if err != nil {
		return fmt.Sprintf("everything (it cannot be counted: %v)", err)
	}
	return l.String()
}

func stamp(r wayback.Record) string { return r.Taken.UTC().Format("2006-01-02 15:04:05Z") }
