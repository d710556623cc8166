package upgrade

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// waits says whether the other slot has the release that was chosen, and the journal that it waits for its trial there.
// The metadata decides, which has the manifest's sum: a fleet that waits for its night asks for nothing else. A slot that
// is not what the journal says is planned and written as if there were nothing.
func (r *run) waits(ctx context.Context) bool {
	want, on := r.out.Choice.Release, r.open
	if want.Manifest == "" || on == nil || on.State != journal.Written || on.To.Version != want.Version {
		return false
	}
	has, err := slotwrite.Kept(r.Target)
	if err == nil && on.To.Root != journal.ShortRoot(has.Manifest.Root.Hash) {
		err = fmt.Errorf("it holds %s with another root", has.Manifest.Version)
	}
	if err == nil && !want.Has(has.Text) {
		return false // released anew: the version is the same, and the slot is as it was written
	}
	if err == nil {
		err = slotwrite.Intact(ctx, r.Target)
	}
	if err != nil && ctx.Err() == nil {
		r.say(fmt.Sprintf("slot %s does not hold %s any more: %v; it is written again", r.Target.Slots.Other(), want.Version, err))
	}
	if err != nil {
		return false
	}
	r.plan = Plan{Source: kept{has}, Kind: on.Kind}
	r.id, r.out.Entry, r.out.Written = on.ID, on.ID, true
	r.holds(want.Version)
	return true
}

// Has says whether a manifest is that of the release, by its text; false if that is not known.
func (r Release) Has(manifest []byte) bool {
	sum := sha256.Sum256(manifest)
	return r.Manifest == hex.EncodeToString(sum[:])
}

// kept is the source of a slot that is written: only what describes it is left.
type kept struct{ slottrust.Files }

var errKept = errors.New("the slot is written already")

// Manifest implements slotwrite.Source.
func (k kept) Manifest() (slotfile.Manifest, []byte) { return k.Files.Manifest, k.Text }

// Signatures implements slotwrite.Source.
func (k kept) Signatures() []byte { return k.Sig }

// ReadRange implements slotwrite.Source.
func (kept) ReadRange(context.Context, slotfile.File, int64, []byte) error { return errKept }

// End implements slotwrite.Source.
func (kept) End(context.Context) error { return errKept }

// Bytes implements Source.
func (kept) Bytes() int64 { return 0 }
