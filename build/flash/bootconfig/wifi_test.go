package bootconfig

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/tree"
)

func TestWithWiFi(t *testing.T) {
	net := WiFi{Name: "Harbour", Passphrase: "fair: winds", Country: "NO"}
	const added = "network:\n  wifi_country: \"NO\"\n  wifi:\n    - name: \"Harbour\"\n      passphrase: \"fair: winds\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", added},
		"no network":    {"# mine\n\nhostname:   edge-1", "# mine\n\nhostname:   edge-1\n" + added},
		"other keys":    {"# mine\nnetwork: # ours\n  dns: [9.9.9.9] # quad\nhostname: a\n", "# mine\nnetwork: # ours\n  dns: [9.9.9.9] # quad\n  wifi_country: \"NO\"\n  wifi:\n    - name: \"Harbour\"\n      passphrase: \"fair: winds\"\nhostname: a\n"},
		"an empty list": {"network:\n  wifi:\n", "network:\n  wifi:\n    - name: \"Harbour\"\n      passphrase: \"fair: winds\"\n  wifi_country: \"NO\"\n"},
		"another network": {"network:\n  wifi_country: DE\n  wifi:\n    # at home\n    - {name: Home, hidden: true}\n",
			"network:\n  wifi_country: \"NO\"\n  wifi:\n    # at home\n    - {name: Home, hidden: true}\n    - name: \"Harbour\"\n      passphrase: \"fair: winds\"\n"},
		"this network": {"network:\n  wifi:\n    - name: Harbour # quay\n      hidden: true\n      passphrase: old wind\n",
			"network:\n  wifi:\n    - name: \"Harbour\"\n      hidden: true\n      passphrase: \"fair: winds\"\n  wifi_country: \"NO\"\n"},
		"flow":  {"{hostname: a}\n", "{hostname: a, network: {wifi_country: \"NO\", wifi: [{name: \"Harbour\", passphrase: \"fair: winds\"}]}}\n"},
		"ended": {"hostname: a\n...\n", "hostname: a\n" + added},
	} {
		got, err := Check("c", []byte(c.text)).WithWiFi(net)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, string(got.Bytes)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, text := range []string{"network: [a]\n", "network: {wifi: {name: a}}\n", "network: &n {wifi: [*n]}\n"} {
		if got, err := Check("c", []byte(text)).WithWiFi(net); err == nil {
			t.Errorf("a network was added to %q: %s", text, got.Bytes)
		}
	}
}

func TestWiFiIsChecked(t *testing.T) {
	for _, w := range []WiFi{{Name: "a", Passphrase: "hunter2"}, {Name: strings.Repeat("hunter2", 5), Passphrase: "hunter22"}, {Name: "a", Passphrase: "hunter22", Country: "Norway"}} {
		_, err := Check("c", nil).WithWiFi(w)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", w, err)
		}
	}
}

// FuzzWithWiFi: the device reads every name and passphrase back from the document unchanged, with and without other
// keys in it.
func FuzzWithWiFi(f *testing.F) {
	f.Add("Harbour", "fair winds", "network:\n  dns: [9.9.9.9]\n")
	f.Add("a\"b\\ #'", "- ]{}: \"'\\", "hostname: a\n")
	f.Add("å\x00\n", "12345678", "{}")
	f.Fuzz(func(t *testing.T, name, passphrase, text string) {
		w := WiFi{Name: name, Passphrase: passphrase}
		got, err := Check("c", []byte(text)).WithWiFi(w)
		if err == nil && !got.joins(w) {
			t.Errorf("%+v in %q", w, got.Bytes)
		}
		if err != nil && w.Check() == nil && len(Check("c", []byte(text)).Problems) == 0 {
			t.Logf("%+v not added to %q: %v", w, text, err)
		}
	})
}

func TestBoard(t *testing.T) {
	f, size := image(t, "")
	if got := Board(f, size); got != "" {
		t.Errorf("an image without a manifest is of board %q", got)
	}
	f, err := os.Create(t.TempDir() + "/disk.img")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	manifest := tree.File("slots/b/manifest.json", 0o600, tree.Bytes([]byte(`{"format":1,"board":"rpi3"}`)))
	if err := disk.Write(f, spec.ImageSize(), table, disk.Contents{Seed: "x", Boot: []tree.Entry{manifest}}, nil); err != nil {
		t.Fatal(err)
	}
	if got := Board(f, spec.ImageSize()); got != "rpi3" {
		t.Errorf("board %q", got)
	}
}
