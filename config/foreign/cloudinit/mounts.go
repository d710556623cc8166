package cloudinit

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
	"github.com/proa-os/proa/config/rule"
)

// mounts reads lines of fstab(5) in the form of lists.
func (r *reader) mounts(p draft.Pair) {
	for _, item := range r.Items(p.Value) {
		if item.Kind == yaml.ScalarNode {
			item = split(item)
		}
		words := r.Items(item)
		var f [4]string
		for i := range f {
			f[i] = r.fstab(words, i)
		}
		r.mount(item, f[0], f[1], f[2], f[3])
	}
}

func split(n *yaml.Node) *yaml.Node {
	out := draft.List(n)
	for _, w := range strings.Fields(n.Value) {
		out.Content = append(out.Content, draft.Text(n, w))
	}
	return out
}

// fstab returns a field of a line, or what mount_default_fields has for it.
func (r *reader) fstab(words []*yaml.Node, i int) string {
	if i < len(words) {
		if s, ok := draft.String(words[i]); ok && s != "" {
			return s
		}
	}
	if p, ok := r.get("mount_default_fields"); ok && i >= 2 {
		if defaults := r.Items(p.Value); i < len(defaults) {
			s, _ := draft.String(defaults[i])
			return s
		}
	}
	return ""
}

// pseudo are file systems of the kernel, which are mounted already.
var pseudo = []string{"proc", "sysfs", "cgroup", "cgroup2", "devtmpfs", "devpts", "debugfs", "tracefs", "securityfs", "configfs", "bpf", "mqueue"}

func (r *reader) mount(at *yaml.Node, device, path, kind, options string) {
	point, _ := rule.Of("mountpoint")
	switch {
	case kind == "swap" || path == "none" && kind != "":
		r.Note(at, "mounts: swap on a partition is not used; set swap.file or swap.zram")
	case path == "" || device == "":
		return // a line that removes a default one
	case slices.Contains(pseudo, kind):
		r.Note(at, "mounts: the kernel's own file systems are mounted already")
	case point.Judge(path) != "":
		r.Note(at, "mounts: left out: want %s", point.Judge(path))
	case has(options, "noauto"):
		r.Note(at, "mounts: left out, as noauto says; mount it by a command")
	default:
		r.Append(r.mountNode(at, device, path, kind, options), "mounts")
	}
}

func (r *reader) mountNode(at *yaml.Node, device, path, kind, options string) *yaml.Node {
	out := draft.Map(at)
	draft.Put(out, draft.Text(at, r.device(device)), "device")
	draft.Put(out, draft.Text(at, path), "path")
	if kind != "" && kind != "auto" {
		draft.Put(out, draft.Text(at, kind), "type")
	}
	list := draft.List(at)
	for _, o := range strings.Split(options, ",") {
		if o = strings.TrimSpace(o); o != "" && !ofMount(o) {
			list.Content = append(list.Content, draft.Text(at, o))
		}
	}
	if len(list.Content) > 0 {
		draft.Put(out, list, "options")
	}
	return out
}

func has(options, option string) bool { return slices.Contains(strings.Split(options, ","), option) }

// ofMount are options that mount(8), fstab(5) and systemd take for themselves. A mount that fails costs nothing else
// here, and network file systems wait for the network.
func ofMount(option string) bool {
	name, _, _ := strings.Cut(option, "=")
	return slices.Contains([]string{"defaults", "auto", "nofail", "_netdev", "user", "users", "nouser", "comment", "bootwait", "nobootwait"}, name) ||
		strings.HasPrefix(name, "x-")
}

var (
	kernelDisk = regexp.MustCompile(`^(sd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+)(p?[0-9]+)?$`)
	partition  = regexp.MustCompile(`^(.+)\.([0-9]+)$`)
)

// device is a device by its path: names of device_aliases are replaced, and kernel names completed.
func (r *reader) device(name string) string {
	alias, number := name, ""
	if m := partition.FindStringSubmatch(name); m != nil {
		alias, number = m[1], m[2]
	}
	if p, ok := r.get("device_aliases"); ok {
		if s, ok := draft.String(draft.Get(p.Value, alias)); ok && s != "" {
			return withPartition(s, number)
		}
	}
	if kernelDisk.MatchString(name) {
		return "/dev/" + name
	}
	return name
}

// withPartition appends a partition's number as the kernel does: behind a digit comes a p.
func withPartition(disk, number string) string {
	if number == "" || number == "0" {
		return disk
	}
	if last := disk[len(disk)-1]; last >= '0' && last <= '9' {
		return disk + "p" + number
	}
	return disk + number
}

// swap makes a file of the size; where the file is is proa's business.
func (r *reader) swap(p draft.Pair) {
	f := r.Fields(p.Value, "swap", field.Known{"filename": "the swap file has its own place on the data partition", "size": "", "maxsize": ""})
	size, ok := f["size"]
	if s, _ := draft.String(size.Value); !ok || strings.TrimSpace(s) == "auto" {
		if size, ok = f["maxsize"]; !ok {
			r.Note(p.At, "swap: without a size no file is made; set swap.file, or swap.zram in percent of the memory")
			return
		}
	}
	mebibytes, ok := mebibytes(size.Value)
	if !ok {
		r.Refuse(size.Value, "swap: %s: want a size in bytes, or with a unit such as 512M or 2G", size.Key)
		return
	}
	if mebibytes > 0 {
		r.Set(draft.Int(size.Value, mebibytes), "swap", "file")
	}
}

var sized = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)i?B?$`)

// mebibytes reads a number of bytes with a unit of 1024, as cloud-init's human2bytes, rounded up to MiB.
func mebibytes(n *yaml.Node) (int, bool) {
	s, _ := draft.String(n)
	m := sized.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, false
	}
	number, err := strconv.ParseFloat(m[1], 64)
	bytes := number * map[string]float64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[m[2]]
	if err != nil || bytes > 1<<50 {
		return 0, false
	}
	return int((bytes + 1<<20 - 1) / (1 << 20)), true
}
