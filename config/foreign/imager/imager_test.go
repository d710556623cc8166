package imager

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// read returns the document that a file becomes, and what is said of it.
func read(t *testing.T, name, text string) (doc string, notes []draft.Note) {
	t.Helper()
	d := draft.New()
	ReaderOf(name)(d, strings.Split(text, "\n"))
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(d.Root); err != nil {
		t.Fatal(err)
	}
	return b.String(), d.Notes
}

const script = `#!/bin/bash
set +e
if [ -f /usr/lib/raspberrypi-sys-mods/imager_custom ]; then
   /usr/lib/raspberrypi-sys-mods/imager_custom set_hostname shed
else
   echo shed >/etc/hostname
fi
if [ -f /usr/lib/raspberrypi-sys-mods/imager_custom ]; then
   /usr/lib/raspberrypi-sys-mods/imager_custom enable_ssh -k 'ssh-ed25519 AAAA a b' 'ssh-rsa BBBB'
else
   install -o "$FIRSTUSER" -m 600 <(printf "ssh-ed25519 AAAA a b\nssh-rsa BBBB") "$FIRSTUSERHOME/.ssh/authorized_keys"
fi
if [ -f /usr/lib/userconf-pi/userconf ]; then
   /usr/lib/userconf-pi/userconf 'joan' '$5$salt$hash'
else
   echo "$FIRSTUSER:"'$5$salt$hash' | chpasswd -e
fi
if [ -f /usr/lib/raspberrypi-sys-mods/imager_custom ]; then
   /usr/lib/raspberrypi-sys-mods/imager_custom set_wlan 'it'"'"'s mine' 'fair winds' 'de'
else
cat >/etc/wpa_supplicant/wpa_supplicant.conf <<'WPAEOF'
country=DE
network={
	ssid="it's mine"
	psk="fair winds"
}
WPAEOF
fi
   /usr/lib/raspberrypi-sys-mods/imager_custom set_timezone 'Europe/Berlin'
`

const scripted = `hostname: shed
users:
  - name: joan
    admin: true
    password: $5$salt$hash
    ssh_authorized_keys:
      - ssh-ed25519 AAAA a b
      - ssh-rsa BBBB
network:
  wifi:
    - name: it's mine
      passphrase: fair winds
  wifi_country: DE
ssh:
  passwords: false
ssh_authorized_keys:
  - ssh-ed25519 AAAA a b
  - ssh-rsa BBBB
timezone: Europe/Berlin
`

// TestFirstRun: what Imager's script says is the same whether or not the system it is for has its programs.
func TestFirstRun(t *testing.T) {
	got, notes := read(t, "firstrun.sh", script)
	if same(t, got) != same(t, scripted) || len(notes) != 1 || notes[0].Refused {
		t.Errorf("%+v\n%s", notes, got)
	}
	old := strings.NewReplacer("imager_custom set", "x", "imager_custom enable", "x", "/userconf ", "/x ").Replace(script)
	got, _ = read(t, "firstrun.sh", old)
	want := strings.NewReplacer("joan", "pi", "ssh:\n  passwords: false\n", "", "timezone: Europe/Berlin\n", "").Replace(scripted)
	if same(t, got) != same(t, want) {
		t.Errorf("an old script:\n%s", got)
	}
}

// same is a document with its keys in order.
func same(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file, text, want string
		refused          int
	}{
		"custom.toml": {"custom.toml", "config_version = 1\n[system]\nhostname = \"shed\" # mine\n[user]\nname = \"joan\"\npassword = \"$5$x\"\npassword_encrypted = true\n" +
			"[ssh]\nenabled = true\npassword_authentication = false\nauthorized_keys = [ \"ssh-ed25519 AAAA ]\",\n  'ssh-rsa B' ]\n[wlan]\nssid = \"a\\\"b\"\npassword = \"fair winds\"\nhidden = true\ncountry = \"gb\"\n[locale]\ntimezone = \"Europe/London\"\n",
			"hostname: shed\nusers: [{name: joan, admin: true, password: $5$x, ssh_authorized_keys: ['ssh-ed25519 AAAA ]', ssh-rsa B]}]\nssh: {passwords: false}\nssh_authorized_keys: ['ssh-ed25519 AAAA ]', ssh-rsa B]\n" +
				"network: {wifi_country: GB, wifi: [{name: a\"b, passphrase: fair winds, hidden: true}]}\ntimezone: Europe/London\n", 0},
		"toml, broken":   {"custom.toml", "[system]\nhostname\n[user]\nname = \"joan\npassword = \"x\"\n[ssh]\nauthorized_keys = [\n", "users: [{name: pi, admin: true, password: x}]\n", 3},
		"ssh":            {"ssh", "", "ssh: {passwords: true}\n", 0},
		"userconf":       {"userconf.txt", "\njoan:$6$a:b\n", "users: [{name: joan, admin: true, password: '$6$a:b'}]\n", 0},
		"userconf, half": {"userconf", "joan\n", "{}\n", 1},
		"wpa": {"WPA_supplicant.conf", "ctrl_interface=DIR=/x\ncountry=de\nnetwork={\n ssid=\"a\"\n psk=\"b b\"\n scan_ssid=1\n}\nnetwork={\n ssid=6162\n key_mgmt=NONE\n}\nnetwork={\n ssid=\"uni\"\n key_mgmt=WPA-EAP\n}\nnetwork={\nssid=\"off\"\ndisabled=1\n}\nnetwork={\nssid=\"open end\"\n",
			"network: {wifi_country: DE, wifi: [{name: a, passphrase: b b, hidden: true}, {name: ab}, {name: open end}]}\n", 0},
	} {
		got, notes := read(t, c.file, c.text)
		refused := 0
		for _, n := range notes {
			if n.Refused {
				refused++
			}
		}
		if same(t, got) != same(t, c.want) || refused != c.refused {
			t.Errorf("%s: %d refused, %+v\n%s", name, refused, notes, got)
		}
	}
}

// FuzzRead: no text makes a reader panic or hang.
func FuzzRead(f *testing.F) {
	for name := range readers {
		f.Add(name, script)
		f.Add(name, "[a]\nb = [\"c\"\n'\nnetwork={\n")
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		if r := ReaderOf(name); r != nil {
			r(draft.New(), strings.Split(text, "\n"))
		}
	})
}
