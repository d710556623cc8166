package tufrepo

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/images/slotsig"
)

// roles are those of TUF by their names there.
var roles = map[string]keys.Role{metadata.ROOT: keys.Root, metadata.TARGETS: keys.Targets, metadata.SNAPSHOT: keys.Snapshot, metadata.TIMESTAMP: keys.Timestamp}

func rootFile(n int64) string { return fmt.Sprintf("%d.root.json", n) }

// Roots returns all versions of the root in a directory of keys, the oldest first. Devices need every one of them.
func Roots(dir string) (list [][]byte, err error) {
	for n := int64(1); ; n++ {
		b, err := os.ReadFile(filepath.Join(dir, rootFile(n)))
		if errors.Is(err, os.ErrNotExist) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
}

// KeepRoot makes the root in the directory of keys follow the keys, and returns the newest. A new version is made if
// keys or thresholds differ, or if less than a third of its time is left. It is signed by the keys of the old one and of
// the new one.
func KeepRoot(r *keys.Ring, p Periods, now time.Time) ([]byte, error) {
	all, err := Roots(r.Dir)
	if err != nil {
		return nil, err
	}
	next, err := wanted(r, now.Add(p.Root))
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return saveRoot(r, next, nil)
	}
	last, err := metadata.Root().FromBytes(all[len(all)-1])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rootFile(int64(len(all))), err)
	}
	if same(last.Signed, next.Signed) && !soon(last.Signed.Expires, p.Root, now) {
		return all[len(all)-1], nil
	}
	next.Signed.Version = last.Signed.Version + 1
	return saveRoot(r, next, last)
}

// wanted is a root that names the keys of a directory.
func wanted(r *keys.Ring, expires time.Time) (*metadata.Metadata[metadata.RootType], error) {
	root := metadata.Root(stamp(expires))
	for name, role := range roles {
		h := r.Roles[role]
		for _, k := range h.Keys {
			key, err := metadata.KeyFromPublicKey(ed25519.PublicKey(k.Public[:]))
			if err == nil {
				err = root.Signed.AddKey(key, name)
			}
			if err != nil {
				return nil, fmt.Errorf("role %s: %w", role, err)
			}
		}
		root.Signed.Roles[name].Threshold = h.Threshold
	}
	return root, nil
}

func same(a, b metadata.RootType) bool {
	if len(a.Keys) != len(b.Keys) {
		return false
	}
	for name := range roles {
		x, y := a.Roles[name], b.Roles[name]
		if x == nil || x.Threshold != y.Threshold || !reflect.DeepEqual(set(x.KeyIDs), set(y.KeyIDs)) {
			return false
		}
	}
	return true
}

func set(ids []string) map[string]bool {
	out := map[string]bool{}
	for _, id := range ids {
		out[id] = true
	}
	return out
}

// saveRoot signs a root by its own keys and those of the one before, has go-tuf verify both, and writes it.
func saveRoot(r *keys.Ring, next, last *metadata.Metadata[metadata.RootType]) ([]byte, error) {
	version := next.Signed.Version
	signers, err := r.Signers(keys.Root)
	if err != nil {
		return nil, fmt.Errorf("sign root %d: %w", version, err)
	}
	for _, s := range signers {
		if _, err := next.Sign(signer{s}); err != nil {
			return nil, fmt.Errorf("sign root %d: %w", version, err)
		}
	}
	if err := next.VerifyDelegate(metadata.ROOT, next); err != nil {
		return nil, fmt.Errorf("sign root %d: %w", version, err)
	}
	if last != nil {
		if err := signByOld(r, next, last); err != nil {
			return nil, fmt.Errorf("sign root %d: %w", version, err)
		}
	}
	b, err := next.ToBytes(false)
	if err != nil {
		return nil, err
	}
	return b, atomicfile.Write(filepath.Join(r.Dir, rootFile(version)), b, 0o644)
}

// signByOld adds signatures of the keys of the old root that have not signed yet, as many as can be reached.
func signByOld(r *keys.Ring, next, last *metadata.Metadata[metadata.RootType]) error {
	done := map[string]bool{}
	for _, s := range next.Signatures {
		done[s.KeyID] = true
	}
	var why error
	for _, id := range last.Signed.Roles[metadata.ROOT].KeyIDs {
		if done[id] {
			continue
		}
		public, err := last.Signed.Keys[id].ToPublicKey()
		if err != nil {
			return err
		}
		k, err := slotsig.KeyOf(public)
		if err != nil {
			return err
		}
		s, err := r.SignerOf(keys.Root, k)
		if err != nil {
			why = errors.Join(why, err)
			continue
		}
		if _, err := next.Sign(signer{s}); err != nil {
			return err
		}
	}
	if err := last.VerifyDelegate(metadata.ROOT, next); err != nil {
		return errors.Join(fmt.Errorf("the keys of root %d must sign too: %w", last.Signed.Version, err), why)
	}
	return nil
}
