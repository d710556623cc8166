package draft

import "gopkg.in/yaml.v3"

// Join adds the keys of a mapping to another one: lists are joined, mappings merged, of other values the later one
// counts.
func Join(into, from *yaml.Node) {
	for i := 0; i+1 < len(from.Content); i += 2 {
		key, value := from.Content[i], from.Content[i+1]
		have := Get(into, key.Value)
		switch {
		case have == nil:
			into.Content = append(into.Content, key, value)
		case have.Kind == yaml.SequenceNode && value.Kind == yaml.SequenceNode:
			list := *have
			list.Content = append(append([]*yaml.Node{}, have.Content...), value.Content...)
			Put(into, &list, key.Value)
		case have.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode:
			Join(have, value)
		default:
			Put(into, value, key.Value)
		}
	}
}
