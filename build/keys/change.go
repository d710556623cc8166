package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"github.com/proa-os/proa/images/slotsig"
)

// Init makes a directory with one key for each role. With a passphrase in the access the files are encrypted by it.
func Init(dir string, development bool, a Access) (*Ring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	switch list, err := os.ReadDir(dir); {
	case err != nil:
		return nil, err
	case len(list) > 0:
		return nil, fmt.Errorf("%s is not empty; keys are made in a directory of their own", dir)
	}
	r := &Ring{Dir: dir, Access: a, Format: format, Development: development, Roles: map[Role]*Holder{}}
	for _, role := range Roles() {
		k, err := r.make(role)
		if err != nil {
			return nil, err
		}
		r.Roles[role] = &Holder{Threshold: 1, Keys: []Key{k}}
	}
	return r, r.save()
}

// make makes a key and its file.
func (r *Ring) make(role Role) (k Key, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return k, err
	}
	if k.Public, err = slotsig.KeyOf(public); err != nil {
		return k, err
	}
	k.At = fmt.Sprintf("%s-%s.key", role, k.Short())
	comment := "proa " + string(role) + " " + k.Short()
	block, err := ssh.MarshalPrivateKey(private, comment)
	if r.Access.Passphrase != nil {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, comment, r.Access.Passphrase)
	}
	if err != nil {
		return k, err
	}
	return k, create(filepath.Join(r.Dir, k.At), pem.EncodeToMemory(block))
}

// create writes a new file that only its owner can read. It is on the disk before the list names it.
func create(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// Split makes m of n keys the rule for a role, and the keys that are missing. Which of them is given to whom is up to
// the user: a key file may be moved elsewhere, and loaded into an agent when it is needed.
func (r *Ring) Split(name string, m, n int) error {
	role, h, err := r.holder(name)
	if err != nil {
		return err
	}
	switch {
	case m < 1 || m > n || n > slotsig.MaxKeys:
		return fmt.Errorf("%d of %d keys: want 1 ≤ M ≤ N ≤ %d", m, n, slotsig.MaxKeys)
	case n < len(h.Keys):
		return fmt.Errorf("role %s has %d keys; forget some first: proa keys forget %s %[1]s KEY", role, len(h.Keys), r.Dir)
	}
	for len(h.Keys) < n {
		k, err := r.make(role)
		if err != nil {
			return err
		}
		h.Keys = append(h.Keys, k)
	}
	h.Threshold = m
	return r.save()
}

// Rotate replaces a role's key by a new one, or by one that the agent has (at is agent:SHA256:FINGERPRINT). With an
// empty id it replaces all of the role's keys. The old ones are retired: they sign beside the new ones until they are
// forgotten.
func (r *Ring) Rotate(name, id, at string) (made []Key, err error) {
	role, h, err := r.holder(name)
	if err != nil {
		return nil, err
	}
	from, to := 0, len(h.Keys)
	if id != "" {
		if from, err = find(h.Keys, id); err != nil {
			return nil, fmt.Errorf("role %s: %w", role, err)
		}
		to = from + 1
	} else if at != "" && to > 1 {
		return nil, fmt.Errorf("role %s has %d keys; say which one is replaced", role, to)
	}
	for i := from; i < to; i++ {
		k, err := r.obtain(role, at)
		if err != nil {
			return nil, err
		}
		h.Retired, h.Keys[i], made = append(h.Retired, h.Keys[i]), k, append(made, k)
	}
	return made, r.save()
}

func (r *Ring) obtain(role Role, at string) (Key, error) {
	if at == "" {
		return r.make(role)
	}
	if (Key{At: at}).inAgent() == "" {
		return Key{}, fmt.Errorf("%q: a key that is not made here is named agent:SHA256:FINGERPRINT", at)
	}
	return r.Access.inAgentBy(at)
}

// Forget removes a key from the list: a retired one, or one more than the threshold needs. Its file stays.
func (r *Ring) Forget(name, id string) (Key, error) {
	role, h, err := r.holder(name)
	if err != nil {
		return Key{}, err
	}
	if i, err := find(h.Retired, id); err == nil {
		k := h.Retired[i]
		h.Retired = append(h.Retired[:i:i], h.Retired[i+1:]...)
		return k, r.save()
	}
	i, err := find(h.Keys, id)
	if err != nil {
		return Key{}, fmt.Errorf("role %s: %w", role, err)
	}
	if len(h.Keys) == h.Threshold {
		return Key{}, fmt.Errorf("role %s needs all of its %d keys; replace it instead: proa keys rotate %s %[1]s %[4]s", role, h.Threshold, r.Dir, id)
	}
	k := h.Keys[i]
	h.Keys = append(h.Keys[:i:i], h.Keys[i+1:]...)
	return k, r.save()
}
