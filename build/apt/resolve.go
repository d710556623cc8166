package apt

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/proa-os/proa/build/pin"
)

// Resolve returns the newest versions of a set's packages and their dependencies, as apt would install them on an empty
// system.
func (s *State) Resolve(ctx context.Context, set pin.Set) ([]pin.Package, error) {
	if err := s.Update(ctx); err != nil {
		return nil, err
	}
	args := []string{"install", "--print-uris", "-qq"}
	for _, name := range set.Packages {
		if set.Suite != "" {
			name += "/" + set.Suite
		}
		args = append(args, name)
	}
	out, err := s.run(ctx, "", "apt-get", args...)
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", set.ID(), err)
	}
	list, err := parseURIs(out)
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", set.ID(), err)
	}
	var kept []pin.Package
	for _, p := range list {
		if set.Keeps(p.Name) {
			kept = append(kept, p)
		}
	}
	return s.digests(ctx, kept)
}

// parseURIs reads lines of 'URI' NAME_VERSION_ARCH.deb SIZE HASH; the hash is not always sha256.
func parseURIs(out []byte) ([]pin.Package, error) {
	var list []pin.Package
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || !strings.HasSuffix(f[1], ".deb") {
			return nil, fmt.Errorf("apt printed %q, not a package", strings.TrimSpace(line))
		}
		name, err := url.PathUnescape(strings.TrimSuffix(f[1], ".deb"))
		parts := strings.Split(name, "_")
		size, err2 := strconv.ParseInt(f[2], 10, 64)
		if err != nil || err2 != nil || len(parts) != 3 {
			return nil, fmt.Errorf("apt printed %q, not a package", strings.TrimSpace(line))
		}
		list = append(list, pin.Package{Name: parts[0], Version: parts[1], Arch: parts[2], Size: size})
	}
	return list, nil
}

// digests adds the sha256 from the verified package lists.
func (s *State) digests(ctx context.Context, list []pin.Package) ([]pin.Package, error) {
	args := []string{"show"}
	for _, p := range list {
		args = append(args, p.Name+"="+p.Version)
	}
	out, err := s.run(ctx, "", "apt-cache", args...)
	if err != nil {
		return nil, err
	}
	known := map[string]pin.Package{}
	for _, p := range parseStanzas(out) {
		known[p.String()] = p
	}
	for i, p := range list {
		k, ok := known[p.String()]
		if !ok || k.Size != p.Size || k.SHA256 == "" || k.Path == "" {
			return nil, fmt.Errorf("%s: the package lists have no sha256 or file name for it", p)
		}
		list[i] = k
	}
	return list, nil
}

// parseStanzas parses the fields of Packages stanzas that the lock has.
func parseStanzas(out []byte) []pin.Package {
	var list []pin.Package
	var p pin.Package
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20) // Provides lines are long
	for lines.Scan() {
		if lines.Text() == "" {
			list, p = append(list, p), pin.Package{}
			continue
		}
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "Package":
			p.Name = value
		case "Version":
			p.Version = value
		case "Architecture":
			p.Arch = value
		case "Size":
			p.Size, _ = strconv.ParseInt(value, 10, 64) // a bad size fails the comparison in digests
		case "SHA256":
			p.SHA256 = value
		case "Filename":
			p.Path = value
		}
	}
	if p.Name != "" {
		list = append(list, p)
	}
	return list
}
