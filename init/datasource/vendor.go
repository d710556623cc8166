package datasource

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// Vendor returns what OpenStack's vendor_data.json and vendor_data2.json have for cloud-init: the text below that name, at
// the top or, in the second file, below the names of the services that gave it (nova, "Vendordata").
func Vendor(text []byte) ([]byte, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, errors.New("not JSON")
	}
	if s := cloudInit(all); s != "" {
		return []byte(s), nil
	}
	var parts [][]byte
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var service map[string]json.RawMessage
		if json.Unmarshal(all[name], &service) == nil {
			if s := cloudInit(service); s != "" {
				parts = append(parts, []byte(s))
			}
		}
	}
	return archive(parts), nil
}

func cloudInit(of map[string]json.RawMessage) (s string) {
	_ = json.Unmarshal(of["cloud-init"], &s) // anything else than text is no user data
	return s
}

// archive puts texts of user data into one.
func archive(parts [][]byte) []byte {
	if len(parts) < 2 {
		return bytes.Join(parts, nil)
	}
	var texts []string
	for _, p := range parts {
		texts = append(texts, string(p))
	}
	list, err := json.Marshal(texts)
	if err != nil {
		return nil // texts are always valid JSON
	}
	return append([]byte("#cloud-config-archive\n"), list...)
}
