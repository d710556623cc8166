// Package slottrust decides which slots this system writes, tries and runs: those whose manifest is signed by the keys
// in its own image. An image without keys runs any slot, and says so; keys that cannot be read accept none.
//
// Before its root is mapped, a slot's manifest is also compared with what the kernel was really started with. Who could
// change kernel or initramfs can change this check: only firmware that verifies them protects against that.
package slottrust

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
)

// Trust is what a system accepts. The zero Trust accepts nothing.
type Trust struct {
	keys     slotsig.Keys
	unsigned bool  // no keys were built in
	err      error // why there are no keys although some were built in
}

// Early returns what the initramfs has, below root.
func Early(root string) Trust { return load(filepath.Join(root, slotsig.EarlyPath)) }

// Installed returns what the root image has, below root.
func Installed(root string) Trust { return load(filepath.Join(root, slotsig.RootPath)) }

func load(path string) Trust {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Trust{unsigned: true}
	}
	if err != nil {
		return Trust{err: err}
	}
	k, err := slotsig.ParseKeys(b)
	return Trust{keys: k, err: err}
}

// Of accepts what these keys have signed.
func Of(k slotsig.Keys) Trust { return Trust{keys: k} }

// Guards says whether slots have to be signed, and warns on the console if the keys do not protect this machine.
func (t Trust) Guards(logf func(string, ...any)) bool {
	if text := t.Warning(); text != "" {
		logf("%s", text)
	}
	return !t.unsigned
}

// Warning is what users must know about the keys; "" if they protect this machine.
func (t Trust) Warning() string {
	switch {
	case t.err != nil:
		return fmt.Sprintf("the keys of slots cannot be read, so no slot is accepted: %v", t.err)
	case t.unsigned:
		return "unsigned: this image was built without keys, and runs any slot that somebody writes"
	case t.keys.Development:
		return "development keys: anybody with the files of the build host's keys-development can sign slots for this machine"
	}
	return ""
}

// Check verifies the signatures of a manifest. nil signatures are none at all.
func (t Trust) Check(manifest, signatures []byte) error {
	switch {
	case t.unsigned:
		return nil
	case t.err != nil:
		return fmt.Errorf("the keys of this system: %w", t.err)
	case len(t.keys.Keys) == 0:
		return errors.New("no keys of slots were loaded")
	case signatures == nil:
		return fmt.Errorf("%w: %s is missing", slotsig.ErrRefused, slotsig.Name)
	}
	return t.keys.Verify(manifest, signatures)
}

// Files are the manifest in a slot's directory, and what belongs to it.
type Files struct {
	Manifest  slotfile.Manifest
	Text, Sig []byte // Sig is nil if there is none
}

// Read reads them. The error wraps os.ErrNotExist only if there is no manifest.
func Read(dir string) (f Files, err error) {
	if f.Text, err = readFile(filepath.Join(dir, slotfile.ManifestName), slotfile.MaxManifest); err != nil {
		return f, err
	}
	if f.Sig, err = readFile(filepath.Join(dir, slotsig.Name), slotsig.MaxFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	f.Manifest, err = slotfile.ParseManifest(f.Text)
	return f, err
}

// readFile reads at most a byte more than the limit, which the parser then refuses.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading: a close error loses nothing
	return io.ReadAll(io.LimitReader(f, limit+1))
}
