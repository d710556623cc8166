package keys

import (
	"crypto"
	"fmt"
	"slices"

	"github.com/proa-os/proa/images/slotsig"
)

// SignerOf returns what signs with a key of a role, current or retired: a new root of TUF is signed by the keys of the
// one before, too.
func (r *Ring) SignerOf(role Role, public slotsig.Key) (crypto.Signer, error) {
	h := r.Roles[role]
	if h == nil {
		return nil, fmt.Errorf("no role %q", role)
	}
	i := slices.IndexFunc(h.all(), func(k Key) bool { return k.Public == public })
	if i < 0 {
		return nil, fmt.Errorf("role %s: key %s is not in %s", role, Key{Public: public}.Short(), r.Dir)
	}
	return r.Signer(h.all()[i])
}
