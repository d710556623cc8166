package wifi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

// TestState feeds messages of wpa_supplicant 2.10 with simulated radios and checks the status after each.
func TestState(t *testing.T) {
	s := newState([]config.WiFi{{Name: "Harbour", Passphrase: "hunter22"}, {Name: "Home"}})
	for _, c := range []struct{ message, want string }{
		{"<3>CTRL-EVENT-SCAN-STARTED ", ""},
		{"<3>CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid=\"Harbour\" auth_failures=1 duration=10 reason=WRONG_KEY", `"Harbour": wrong passphrase, "Home": not in range; retrying`},
		{"<3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:00 reason=15", `"Harbour": wrong passphrase, "Home": not in range; retrying`},
		{"<3>CTRL-EVENT-SSID-TEMP-DISABLED id=1 ssid=\"id=0\" auth_failures=1 duration=10 reason=CONN_FAILED", `"Harbour": wrong passphrase, "Home": authentication failed (wrong passphrase or security type); retrying`},
		{"<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:00 completed [id=0 id_str=]", `joined "Harbour"`},
		{"<3>CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:01:00 reason=3", `"Harbour": connection lost (reason 3), "Home": authentication failed (wrong passphrase or security type); retrying`},
		{"<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:00 completed [id=7 id_str=]", `"Harbour": connection lost (reason 3), "Home": authentication failed (wrong passphrase or security type); retrying`},
		{"<3>CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:01:00 completed [id=1 id_str=]", `joined "Home"`},
		{"OK\n", ""},
	} {
		if news := s.take(c.message); news != (c.want != "") || news && s.text() != c.want {
			t.Errorf("%s: %v, %s; want %s", c.message, news, s.text(), c.want)
		}
	}
}

func TestStatusAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		"bssid=02:00:00:00:01:00\nssid=Home\nid=1\nwpa_state=COMPLETED\nip_address=10.0.0.2\n": `joined "Home"`,
		"wpa_state=SCANNING\naddress=02:00:00:00:00:00\n":                                      `"Harbour": not in range, "Home": not in range; retrying`,
		"id=1\nwpa_state=4WAY_HANDSHAKE\n":                                                     `"Harbour": not in range, "Home": not in range; retrying`,
		"OK\n":                                                                                 `"Harbour": not in range, "Home": not in range; retrying`,
	} {
		s := newState([]config.WiFi{{Name: "Harbour"}, {Name: "Home"}})
		if news := s.status(answer); s.text() != want || news != (s.joined >= 0) {
			t.Errorf("%q: %s, want %s", answer, s.text(), want)
		}
	}
}

func TestMissing(t *testing.T) {
	root := t.TempDir()
	if why := Missing(root); !strings.HasPrefix(why, "network.wifi: this image has no Wi-Fi") {
		t.Error(why)
	}
	if err := os.MkdirAll(filepath.Join(root, filepath.Dir(Program)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, Program), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if why := Missing(root); why != "" {
		t.Error(why)
	}
}
