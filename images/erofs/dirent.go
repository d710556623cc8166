package erofs

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
)

// dirent is a name in a directory.
type dirent struct {
	name string
	node *node
}

const direntSize = 12

// directory returns the data of a directory: blocks that each begin with entries of direntSize bytes and end with the
// names. The kernel searches by bisection, so names are sorted by their bytes, "." and ".." among them.
func (n *node) directory() []byte {
	list := []dirent{{".", n}, {"..", n.parent}}
	for _, c := range n.children {
		list = append(list, dirent{path.Base(c.Path), c})
	}
	slices.SortFunc(list, func(a, b dirent) int { return cmp.Compare(a.name, b.name) })
	var out []byte
	for len(list) > 0 {
		out = append(out, make([]byte, int(blocks(int64(len(out)))*BlockSize)-len(out))...)
		count := fitting(list)
		out = appendDirents(out, list[:count])
		list = list[count:]
	}
	return out
}

// fitting returns how many names fit into a block.
func fitting(list []dirent) int {
	size := 0
	for i, d := range list {
		if size += direntSize + len(d.name); size > BlockSize {
			return i
		}
	}
	return len(list)
}

func appendDirents(out []byte, list []dirent) []byte {
	name := len(list) * direntSize
	for _, d := range list {
		out = le.AppendUint64(out, uint64(d.node.nid()))
		out = le.AppendUint16(out, uint16(name))
		out = append(out, fileType(d.node.Mode), 0)
		name += len(d.name)
	}
	for _, d := range list {
		out = append(out, d.name...)
	}
	return out
}

// fileType returns EROFS_FT_….
func fileType(m fs.FileMode) byte {
	return map[fs.FileMode]byte{
		0: 1, fs.ModeDir: 2, fs.ModeDevice | fs.ModeCharDevice: 3, fs.ModeDevice: 4, fs.ModeNamedPipe: 5, fs.ModeSymlink: 7,
	}[m.Type()]
}
