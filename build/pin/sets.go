package pin

import (
	"fmt"
	"path"
	"strings"
)

// Set is a group of packages that one step unpacks together.
type Set struct {
	Name     string
	Arch     string // Debian's name of the architecture
	Packages []string
	// Only keeps the packages that match one of these globs and drops the rest of the dependency closure: a kernel
	// image depends on initramfs-tools, and a boot loader on its installer.
	Only []string
	// Suite is Debian's suite of the packages; empty: the release and its updates.
	Suite string
	// Follows is the ID of the kernel's set that determines these packages: RELEASE and VERSION in their names are
	// replaced once that set is resolved.
	Follows string
}

// ID returns the key in Lock.Sets.
func (s Set) ID() string { return s.Name + "/" + s.Arch }

// Keeps says whether a package of the closure belongs to the set.
func (s Set) Keeps(name string) bool {
	if s.Only == nil {
		return true
	}
	for _, glob := range s.Only {
		if ok, _ := path.Match(glob, name); ok {
			return true
		}
	}
	return false
}

// Of returns the set with the package names for the kernel that its leader was resolved to.
func (s Set) Of(kernel []Package) (Set, error) {
	if s.Follows == "" {
		return s, nil
	}
	for _, p := range kernel {
		release, ok := strings.CutPrefix(p.Name, "linux-image-")
		dash := strings.LastIndex(release, "-")
		if !ok || dash < 0 { // not the metapackage of a kernel
			continue
		}
		names := strings.NewReplacer("RELEASE", release, "VERSION", release[:dash])
		out := s
		out.Packages = nil
		for _, name := range s.Packages {
			out.Packages = append(out.Packages, names.Replace(name))
		}
		return out, nil
	}
	return Set{}, fmt.Errorf("set %s: no kernel in set %s", s.ID(), s.Follows)
}

// Leader returns the ID of the set that this one is resolved together with.
func (s Set) Leader() string {
	if s.Follows != "" {
		return s.Follows
	}
	return s.ID()
}

// IsRoot says whether root images are made from the set.
func (s Set) IsRoot() bool { return s.Name == "root" || strings.HasPrefix(s.Name, "root-") }

// Triplet returns the GNU triplet of a Debian architecture, which is part of the names of a compiler's programs and
// directories.
func Triplet(arch string) string {
	return map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}[arch]
}

// DebianArch returns Debian's name of a GOARCH.
func DebianArch(goarch string) string {
	if goarch == "arm" {
		return "armhf"
	}
	return goarch
}
