package sudo

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// person is a row of passwd(5), with the groups of group(5) that name it.
type person struct {
	name, home, shell string
	uid, gid          uint32
	groups            []uint32
}

// lookup finds an account by its name, or by # and its number.
func lookup(root, name string) (p person, err error) {
	text, err := os.ReadFile(filepath.Join(root, "/etc/passwd"))
	if err != nil {
		return p, err
	}
	number, byNumber := strings.CutPrefix(name, "#")
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(f) != 7 || !byNumber && f[0] != name || byNumber && f[2] != number {
			continue
		}
		uid, errU := strconv.ParseUint(f[2], 10, 32)
		gid, errG := strconv.ParseUint(f[3], 10, 32)
		if errU != nil || errG != nil {
			return p, fmt.Errorf("passwd: the row of %s has no numbers", f[0])
		}
		p = person{name: f[0], home: f[5], shell: f[6], uid: uint32(uid), gid: uint32(gid)}
		if p.shell == "" {
			p.shell = "/bin/sh" // passwd(5)
		}
		p.groups, err = groups(root, p.name)
		return p, err
	}
	return p, fmt.Errorf("unknown user %s", name)
}

// groups returns the groups that list an account.
func groups(root, name string) (out []uint32, err error) {
	text, err := os.ReadFile(filepath.Join(root, "/etc/group"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 4 || !slices.Contains(strings.Split(f[3], ","), name) {
			continue
		}
		if gid, err := strconv.ParseUint(f[2], 10, 32); err == nil {
			out = append(out, uint32(gid))
		}
	}
	return out, nil
}
