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

// keysFile is keys.json at a path, unless images are unsigned.
func keysFile(t Trust, path string) []tree.Entry {
	if t.Sign == nil {
		return nil
	}
	return []tree.Entry{tree.File(path[1:], 0o644, tree.Bytes(t.Keys))}
}
