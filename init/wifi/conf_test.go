package wifi

import (
	"encoding/hex"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/golden"
)

func TestConf(t *testing.T) {
	text, err := Conf(config.Network{WiFiCountry: "DE", WiFi: []config.WiFi{
		{Name: "IEEE", Passphrase: "password"}, // test vector of IEEE 802.11, annex J.4.2
		{Name: "quay \"3\"\n}", Passphrase: "a\"b # }\\c", Hidden: true},
		{Name: "å", Passphrase: strings.Repeat("0aF9", 16)},
		{Name: "open"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "conf", text)
	if !strings.Contains(text, "\tpsk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e\n") {
		t.Error("the key of the standard's example is not the standard's")
	}
	if _, err := Conf(config.Network{WiFi: []config.WiFi{{Name: "a", Passphrase: strings.Repeat("g", 64)}}}); err == nil || strings.Contains(err.Error(), "ggg") {
		t.Errorf("64 characters that are no key: %v", err)
	}
}

// FuzzConf: every value that config accepts is read back from the file unchanged, and the rest of the file is constant.
func FuzzConf(f *testing.F) {
	f.Add("Harbour", "fair winds", true)
	f.Add("\"}\nnetwork={\n", "\"#}\\ ${x}", false)
	f.Add("\xff\x00", "password", false)
	f.Fuzz(func(t *testing.T, name, passphrase string, hidden bool) {
		doc, err := yaml.Marshal(map[string]any{"network": map[string]any{"wifi": []any{map[string]any{"name": name, "passphrase": passphrase, "hidden": hidden}}}})
		if err != nil {
			return // not expressible in YAML
		}
		c, problems := config.Parse("f", doc)
		if len(problems) > 0 || len(c.Network.WiFi) != 1 {
			return
		}
		text, err := Conf(c.Network)
		if err != nil {
			t.Fatal(err)
		}
		name, passphrase = c.Network.WiFi[0].Name, c.Network.WiFi[0].Passphrase // leading and trailing line breaks are trimmed
		have := map[string]string{}
		for line := range strings.Lines(text) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			have[k] = v
		}
		_, block, _ := strings.Cut(text, "network={\n")
		if strings.Count(block, "\n") > 8 || strings.Count(text, "}") != 1 || (have["scan_ssid"] == "1") != hidden {
			t.Errorf("more than we write:\n%s", text)
		}
		if b, err := hex.DecodeString(have["ssid"]); err != nil || string(b) != name {
			t.Errorf("name %q became %q, %v", name, b, err)
		}
		if b, err := hex.DecodeString(have["sae_password"]); have["sae_password"] != "" && (err != nil || string(b) != passphrase) {
			t.Errorf("passphrase %q became %q, %v", passphrase, b, err)
		}
	})
}
