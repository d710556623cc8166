// Package pin reads and writes the lock file: the list of every Debian package a build may use, with name, version,
// architecture, size and sha256. It refuses a lock that it does not understand completely. It downloads nothing.
package pin

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/images/atomicfile"
)

// Package is one binary package.
type Package struct {
	Name, Version, Arch string
	Size                int64
	SHA256              string
	Path                string // path in the archive: pool/main/c/crun/crun_1.21-1_amd64.deb
}

// String returns name and version.
func (p Package) String() string { return p.Name + " " + p.Version }

// Lock is the result of `proa lock` on one day.
type Lock struct {
	// Date is that day. Its midnight is the only timestamp in images, so that a commit that changes no package does not
	// change all bytes.
	Date time.Time
	Sets map[string][]Package // key: Set.ID
}

// Epoch returns the timestamp for all files in images.
func (l Lock) Epoch() time.Time { return l.Date }

// Set returns the packages of a set.
func (l Lock) Set(id string) ([]Package, error) {
	p, ok := l.Sets[id]
	if !ok {
		return nil, fmt.Errorf("set %q is not in the lock; run `proa lock`", id)
	}
	return p, nil
}

const header = "# Every Debian package a build uses. Written by `proa lock`; a build takes nothing else.\n"

// Write writes the lock file: one line per package, sets and packages sorted for readable diffs.
func (l Lock) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%sdate %s\n", header, l.Date.UTC().Format(time.DateOnly))
	for _, id := range slices.Sorted(maps.Keys(l.Sets)) {
		fmt.Fprintf(&b, "\nset %s\n", id)
		list := slices.Clone(l.Sets[id])
		slices.SortFunc(list, func(a, b Package) int { return strings.Compare(a.Name, b.Name) })
		for _, p := range list {
			fmt.Fprintf(&b, "%s %s %s %d %s %s\n", p.Name, p.Version, p.Arch, p.Size, p.SHA256, p.Path)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Save replaces a lock file.
func (l Lock) Save(file string) error {
	var b strings.Builder
	if err := l.Write(&b); err != nil {
		return err
	}
	return atomicfile.Write(file, []byte(b.String()), 0o644)
}

// Load reads a lock file.
func Load(file string) (Lock, error) {
	f, err := os.Open(file)
	if err != nil {
		return Lock{}, err
	}
	defer f.Close() // opened for reading: a close error loses nothing
	l, err := Parse(f)
	if err != nil {
		return Lock{}, fmt.Errorf("%s: %w", file, err)
	}
	return l, nil
}

// Parse reads what Write wrote.
func Parse(r io.Reader) (Lock, error) {
	l := Lock{Sets: map[string][]Package{}}
	set := ""
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := l.line(fields, &set); err != nil {
			return Lock{}, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return Lock{}, err
	}
	if l.Date.IsZero() {
		return Lock{}, fmt.Errorf("no date line")
	}
	return l, nil
}

func (l *Lock) line(f []string, set *string) (err error) {
	switch {
	case len(f) == 2 && f[0] == "date":
		l.Date, err = time.Parse(time.DateOnly, f[1])
		return err
	case len(f) == 2 && f[0] == "set":
		*set = f[1]
		if _, twice := l.Sets[*set]; twice {
			return fmt.Errorf("duplicate set %s", *set)
		}
		l.Sets[*set] = []Package{}
		return nil
	case len(f) == 6 && *set != "":
		p, err := parsePackage(f)
		l.Sets[*set] = append(l.Sets[*set], p)
		return err
	}
	return fmt.Errorf("neither date, set nor package: %q", strings.Join(f, " "))
}

func parsePackage(f []string) (Package, error) {
	size, err := strconv.ParseInt(f[3], 10, 64)
	if err != nil || size <= 0 {
		return Package{}, fmt.Errorf("%s: size %q", f[0], f[3])
	}
	if len(f[4]) != 64 || strings.Trim(f[4], "0123456789abcdef") != "" {
		return Package{}, fmt.Errorf("%s: sha256 %q", f[0], f[4])
	}
	if !filepath.IsLocal(f[5]) || !strings.HasPrefix(f[5], "pool/") {
		return Package{}, fmt.Errorf("%s: %q is no place in an archive", f[0], f[5])
	}
	return Package{f[0], f[1], f[2], size, f[4], f[5]}, nil
}
