package softswap

import (
	"slices"
	"strconv"
	"strings"
)

// mount is one line of mountinfo (proc(5)).
type mount struct {
	id, parent int
	dev        string // 253:0
	target     string
}

// parseMounts skips lines that it cannot read.
func parseMounts(mountinfo string) (out []mount) {
	plain := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		id, err := strconv.Atoi(f[0])
		parent, err2 := strconv.Atoi(f[1])
		if err == nil && err2 == nil {
			out = append(out, mount{id, parent, f[2], plain.Replace(f[4])})
		}
	}
	return out
}

// plan returns the mount points directly below the root, which are carried over with all below them, and those that cannot
// be: /etc is made anew, so what is mounted there would be lost. next is where the new root is mounted.
func plan(all []mount, next string) (carry, lost []string) {
	root := -1
	for _, m := range all {
		if m.target == "/" {
			root = m.id // the last one is on top
		}
	}
	for _, m := range all {
		switch {
		case m.target == next || strings.HasPrefix(m.target, next+"/") || m.target == etc || m.target == "/":
		case strings.HasPrefix(m.target, etc+"/"):
			lost = append(lost, m.target)
		case m.parent == root && !slices.Contains(carry, m.target):
			carry = append(carry, m.target)
		}
	}
	return carry, lost
}
