// Package inforce stores the configuration in force: PID 1 writes it to a file in memory, and other programs compare it
// with the file on the boot partition. It knows when a changed key takes effect, and applies nothing itself.
package inforce

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/confirm"
)

// File is readable by root only, because it contains secrets.
const File = "/run/proa/config.yaml"

// Held is the configuration in force.
type Held struct {
	Document string           `yaml:"document"`          // path of the file it was read from
	Sum      string           `yaml:"sum"`               // sha256 of that file
	Sources  []string         `yaml:"sources,omitempty"` // all files that were read
	Problems []config.Problem `yaml:"problems"`
	Config   *config.Config   `yaml:"config"`
	Origin   *config.Origin   `yaml:"origin,omitempty"` // of the values as they were read last
	Trial    *confirm.Trial   `yaml:"-"`                // set if the configuration waits for confirmation
}

// Sum returns the checksum of a text.
func Sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// Save writes it with the given writer.
func Save(write func(string, []byte, os.FileMode) error, h Held) error {
	b, err := yaml.Marshal(h)
	if err != nil {
		return fmt.Errorf("configuration in force: %w", err)
	}
	return write(File, b, 0o600)
}

// Load reads the file below root.
func Load(root string) (h Held, err error) {
	b, err := os.ReadFile(filepath.Join(root, File))
	if err != nil {
		return h, err
	}
	if err := yaml.Unmarshal(b, &h); err != nil || h.Config == nil {
		return h, fmt.Errorf("%s cannot be read: %v", File, err)
	}
	return h, nil
}

// When says what makes a change take effect.
type When string

const (
	Now     When = "at once"
	K3s     When = "proa restart k3s"
	Machine When = "proa reboot"
)

// row is one part of the configuration. stays: values removed from it remain in effect until the machine restarts.
type row struct {
	key   string
	when  When
	stays bool
	part  func(*config.Config) any // returns a pointer
}

func rows() []row {
	return []row{
		{"version", Now, false, func(c *config.Config) any { return &c.Version }},
		{"hostname", Machine, false, func(c *config.Config) any { return &c.Hostname }},
		{"ssh_authorized_keys", Now, false, func(c *config.Config) any { return &c.SSHAuthorizedKeys }},
		{"config", Now, false, func(c *config.Config) any { return &c.Remote }},
		{"data_sources", Now, false, func(c *config.Config) any { return &c.DataSources }},
		{"users", Now, false, func(c *config.Config) any { return &c.Users }},
		{"ssh", Now, false, func(c *config.Config) any { return &c.SSH }},
		{"write_files", Now, true, func(c *config.Config) any { return &c.WriteFiles }},
		{"environment", K3s, false, func(c *config.Config) any { return &c.Environment }}, // logins: at once
		{"timezone", Now, false, func(c *config.Config) any { return &c.Timezone }},
		{"ca_certs", K3s, false, func(c *config.Config) any { return &c.CACerts }},
		{"boot_cmd", Machine, false, func(c *config.Config) any { return &c.BootCmd }},
		{"run_cmd", Machine, false, func(c *config.Config) any { return &c.RunCmd }},
		{"first_run_cmd", Machine, false, func(c *config.Config) any { return &c.FirstRunCmd }},
		{"mounts", Machine, false, func(c *config.Config) any { return &c.Mounts }},
		{"swap", Machine, false, func(c *config.Config) any { return &c.Swap }},
		{"phone_home", Machine, false, func(c *config.Config) any { return &c.PhoneHome }},
		{"power", Machine, false, func(c *config.Config) any { return &c.Power }},
		{"final_message", Machine, false, func(c *config.Config) any { return &c.FinalMessage }},
		{"modules", Now, true, func(c *config.Config) any { return &c.Modules }},
		{"sysctls", Now, true, func(c *config.Config) any { return &c.Sysctls }},
		{"network.firewall", Now, false, func(c *config.Config) any { return &c.Network.Firewall }},
		{"network.interfaces", Now, false, func(c *config.Config) any { return &c.Network.Interfaces }},
		{"network.rules", Now, false, func(c *config.Config) any { return &c.Network.Rules }},
		{"network.wifi", Machine, false, func(c *config.Config) any { return &c.Network.WiFi }},
		{"network.wifi_country", Machine, false, func(c *config.Config) any { return &c.Network.WiFiCountry }},
		{"network.dns", Now, false, func(c *config.Config) any { return &c.Network.DNS }},
		{"network.search", Now, false, func(c *config.Config) any { return &c.Network.Search }},
		{"ntp", Now, false, func(c *config.Config) any { return &c.NTP }},
		{"install", Machine, false, func(c *config.Config) any { return &c.Install }},
		{"k3s.enabled", Machine, false, func(c *config.Config) any { return &c.K3s.Enabled }},
		{"k3s.role", Machine, false, func(c *config.Config) any { return &c.K3s.Role }},
		{"k3s.server_url", Machine, false, func(c *config.Config) any { return &c.K3s.ServerURL }}, // it may change the role
		{"k3s.token", K3s, false, func(c *config.Config) any { return &c.K3s.Token }},
		{"k3s.args", K3s, false, func(c *config.Config) any { return &c.K3s.Args }},
		{"k3s.labels", K3s, false, func(c *config.Config) any { return &c.K3s.Labels }},
		{"k3s.taints", K3s, false, func(c *config.Config) any { return &c.K3s.Taints }},
		{"health", Machine, false, func(c *config.Config) any { return &c.Health }},
		{"upgrade", Now, false, func(c *config.Config) any { return &c.Upgrade }},
	}
}

// Change is a part that differs, and what makes it take effect.
type Change struct {
	Key  string
	When When
}

func (c Change) String() string { return c.Key + ": " + string(c.When) }

// Changes returns the parts in which two configurations differ, in the order of the schema.
func Changes(old, now *config.Config) (out []Change) {
	for _, r := range rows() {
		a, b := reflect.ValueOf(r.part(old)).Elem(), reflect.ValueOf(r.part(now)).Elem()
		if same(a, b) {
			continue
		}
		out = append(out, Change{r.key, r.when})
		if r.stays && lost(a, b) {
			out = append(out, Change{r.key + ", what was taken out", Machine})
		}
	}
	return out
}

// same compares two values as they are written in a file: there an empty list and none are equal.
func same(a, b reflect.Value) bool {
	x, errX := yaml.Marshal(a.Interface())
	y, errY := yaml.Marshal(b.Interface())
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// lost says whether an element of old is missing in now.
func lost(old, now reflect.Value) bool {
	if old.Kind() == reflect.Map {
		for _, k := range old.MapKeys() {
			if !now.MapIndex(k).IsValid() {
				return true
			}
		}
		return false
	}
	for i := range old.Len() {
		found := false
		for j := range now.Len() {
			found = found || reflect.DeepEqual(old.Index(i).Interface(), now.Index(j).Interface())
		}
		if !found {
			return true
		}
	}
	return false
}

// Take copies the parts that take effect in the given way; the others are not changed.
func Take(into, from *config.Config, when When) {
	for _, r := range rows() {
		if r.when == when {
			reflect.ValueOf(r.part(into)).Elem().Set(reflect.ValueOf(r.part(from)).Elem())
		}
	}
}
