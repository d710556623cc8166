package config

import (
	"path"
	"slices"
)

// joinKeys adds the keys of an instance's meta-data to those of its user-data, as cloud-init does: the cloud's console
// named the ones, the user's file the others, and whoever has one of them expects to get in. Later sources replace both.
func joinKeys(c *Config, o *Origin, sources []Source) {
	from := o.Of("ssh_authorized_keys").File
	if !slices.Contains([]string{"user-data", "user_data", "vendor-data", "vendor-data2"}, path.Base(from)) {
		return
	}
	for _, s := range sources {
		if dir, base := path.Split(s.Name()); dir != path.Dir(from)+"/" && path.Dir(from) != "." || base != "meta-data" && base != "meta_data.json" {
			continue
		}
		for _, key := range Load(s).Config.SSHAuthorizedKeys {
			if !slices.Contains(c.SSHAuthorizedKeys, key) {
				c.SSHAuthorizedKeys = append(c.SSHAuthorizedKeys, key)
			}
		}
	}
}
