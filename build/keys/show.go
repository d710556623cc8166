package keys

import (
	"fmt"
	"io"
)

// Show prints the list for users: each key, where it is, whether it can be used here, and how it should be kept.
func (r *Ring) Show(w io.Writer) error {
	if r.Development {
		fmt.Fprintf(w, "development keys: whoever can read %s can sign; make real ones for what leaves your desk: proa keys init DIR\n", r.Dir)
	}
	for _, role := range Roles() {
		h := r.Roles[role]
		fmt.Fprintf(w, "%s: %d of %d must sign; keep them %s\n", role, h.Threshold, len(h.Keys), advice[role])
		for _, k := range h.Keys {
			fmt.Fprintf(w, "  %s  %s%s\n", k.Short(), k.At, r.usable(k))
		}
		for _, k := range h.Retired {
			fmt.Fprintf(w, "  %s  %s%s, retired\n", k.Short(), k.At, r.usable(k))
		}
	}
	_, err := fmt.Fprintln(w, "keep a copy of every key file offline: without the root keys no other key can be replaced on devices")
	return err
}

// usable says whether a key can sign here and now.
func (r *Ring) usable(k Key) string {
	if _, err := r.Signer(k); err != nil {
		return ", cannot sign here"
	}
	return ""
}
