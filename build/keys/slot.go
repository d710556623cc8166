package keys

import (
	"crypto"
	"errors"
	"fmt"

	"github.com/proa-os/proa/images/slotsig"
)

// SlotKeys are the public keys that an image knows: also those that are retired, because the other slot of a device may
// be signed by nothing else.
func (r *Ring) SlotKeys() (slotsig.Keys, error) {
	h := r.Roles[Slot]
	return slotsig.NewKeys(h.Threshold, r.Development, public(h.all())...)
}

// SignSlot returns the manifest.sig of a slot's manifest, by as many keys as can be reached here, at least the
// threshold. Retired keys must sign too: devices may know only them.
func (r *Ring) SignSlot(manifest []byte) ([]byte, error) {
	h := r.Roles[Slot]
	signers, err := r.reach(h.Keys, h.Threshold)
	if err != nil {
		return nil, fmt.Errorf("sign slot: %w", err)
	}
	old, err := r.reach(h.Retired, len(h.Retired))
	if err != nil {
		return nil, fmt.Errorf("sign slot: %w\nhint: if no device needs a retired key any more: proa keys forget %s slot KEY", err, r.Dir)
	}
	return slotsig.Sign(manifest, append(signers, old...)...)
}

// Signers returns what signs for a role, at least as many as its threshold. They are in the order of the list.
func (r *Ring) Signers(role Role) ([]crypto.Signer, error) {
	h := r.Roles[role]
	if h == nil {
		return nil, fmt.Errorf("no role %q", role)
	}
	list, err := r.reach(h.Keys, h.Threshold)
	if err != nil {
		return nil, fmt.Errorf("role %s: %w", role, err)
	}
	return list, nil
}

// reach returns the signers of those keys that can be reached, and an error if they are fewer than needed.
func (r *Ring) reach(list []Key, need int) (out []crypto.Signer, err error) {
	var why error
	for _, k := range list {
		s, err := r.Signer(k)
		if err != nil {
			why = errors.Join(why, err)
			continue
		}
		out = append(out, s)
	}
	if len(out) < need {
		return nil, fmt.Errorf("%d of %d keys can be used here, and %d must sign\n%w", len(out), len(list), need, why)
	}
	return out, nil
}
