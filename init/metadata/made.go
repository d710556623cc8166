package metadata

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/init/datasource"
)

// ec2 makes meta-data of the answers to several requests, of which the first was for the id.
func ec2(s *session, id []byte) ([]byte, error) {
	meta := map[string]any{"instance-id": line(id)}
	const below = "/latest/meta-data/"
	for name, path := range map[string]string{"local-hostname": "local-hostname", "availability-zone": "placement/availability-zone", "region": "placement/region"} {
		got, err := s.get(below+path, false)
		if err != nil {
			return nil, err
		}
		if got.there {
			meta[name] = line(got.text)
		}
	}
	list, err := s.get(below+"public-keys/", false)
	if err != nil {
		return nil, err
	}
	var keys []string
	for row := range strings.Lines(string(list.text)) {
		index, _, ok := strings.Cut(strings.TrimSpace(row), "=")
		if !ok || strings.Trim(index, "0123456789") != "" || len(keys) >= maxKeys {
			continue
		}
		key, err := s.get(below+"public-keys/"+index+"/openssh-key", false)
		if err != nil {
			return nil, err
		}
		keys = append(keys, line(key.text))
	}
	return written(meta, keys)
}

// maxKeys bounds the requests for keys.
const maxKeys = 50

// written returns meta-data with keys, as JSON.
func written(meta map[string]any, keys []string) ([]byte, error) {
	keys = slices.DeleteFunc(keys, func(k string) bool { return strings.TrimSpace(k) == "" })
	if len(keys) > 0 {
		meta["public-keys"] = keys
	}
	return json.MarshalIndent(meta, "", " ")
}

func line(text []byte) string { return strings.TrimSpace(string(text)) }

// field returns a text that stands below a key of an answer in JSON or YAML.
func field(key string) func(*session, []byte) ([]byte, error) {
	return func(_ *session, text []byte) ([]byte, error) {
		var all map[string]yaml.Node
		if err := yaml.Unmarshal(text, &all); err != nil {
			return nil, errors.New("neither JSON nor YAML")
		}
		n := all[key]
		if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
			return nil, nil
		}
		return []byte(n.Value), nil
	}
}

func vendor(_ *session, text []byte) ([]byte, error) { return datasource.Vendor(text) }
