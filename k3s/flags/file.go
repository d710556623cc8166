package flags

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/yamlnode"
)

// entry is one key of the merged configuration files, with the file that set it last.
type entry struct {
	file   string
	key    string
	values []string
}

// readFiles reads path and then path.d/*.yaml in order of their names. A later file replaces a key; "key+" appends to
// it. A missing file is an empty one. A drop-in that cannot be read is skipped with a warning.
func readFiles(path string) (merged []entry, warnings []string, err error) {
	dropins, err := filepath.Glob(path + ".d/*.yaml")
	if err != nil {
		return nil, nil, err
	}
	if merged, err = mergeFile(nil, path); err != nil {
		return nil, nil, err
	}
	slices.Sort(dropins)
	for _, file := range dropins {
		more, err := mergeFile(slices.Clone(merged), file)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("%v; the file is left out", err))
			continue
		}
		merged = more
	}
	return merged, warnings, nil
}

func mergeFile(into []entry, file string) ([]entry, error) {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", file)
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return into, nil
	}
	if err != nil {
		return nil, err
	}
	return merge(into, file, data)
}

func merge(into []entry, file string, data []byte) ([]entry, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(doc.Content) == 0 {
		return into, nil
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: want flag names as keys", file, top.Line)
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		values, err := scalars(value)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", file, key.Line, key.Value, err)
		}
		into = put(into, entry{file, key.Value, values})
	}
	return into, nil
}

func put(into []entry, e entry) []entry {
	name, appends := strings.CutSuffix(e.key, "+")
	e.key = name
	at := slices.IndexFunc(into, func(old entry) bool { return old.key == name })
	switch {
	case at < 0:
		return append(into, e)
	case appends:
		into[at].values = append(slices.Clone(into[at].values), e.values...)
	default:
		into[at] = e
	}
	return into
}

// scalars flattens a value: the items of a list, or one scalar.
func scalars(n *yaml.Node) ([]string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return []string{n.Value}, nil
	case yaml.SequenceNode:
		var all []string
		for _, item := range n.Content {
			text, ok := plain(item)
			if !ok {
				return nil, errors.New("want a list of plain values")
			}
			all = append(all, text)
		}
		return all, nil
	}
	return nil, errors.New("want a plain value or a list")
}

// plain returns an item of a list as text.
func plain(item *yaml.Node) (string, bool) {
	if text, ok := yamlnode.EndsInColon(item); ok {
		return text, true
	}
	return item.Value, item.Kind == yaml.ScalarNode
}
