package recipe

import (
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/images/tree"
)

// slotKeys is the input of what has the public keys, or is signed: other keys make other images, and nothing else is
// made again by them.
func slotKeys(t Trust) graph.Input {
	if t.Sign == nil {
		t.Name = "unsigned"
	}
	return graph.Input{Name: "slot keys", Value: t.Name}
}

// trusted are the files with public keys.
func trusted(files map[string][]byte) (list []tree.Entry) {
	for _, path := range sortedKeys(files) {
		list = append(list, tree.File(path[1:], 0o644, tree.Bytes(files[path])))
	}
	return list
}
