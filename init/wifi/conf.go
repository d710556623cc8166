package wifi

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/sys"
)

// Write writes wpa_supplicant's configuration, which only root can read.
func Write(s sys.Sys, c config.Network) error {
	text, err := Conf(c)
	if err != nil {
		return step.User(err)
	}
	return errors.Join(s.MkdirAll(Dir, 0o700), s.WriteFile(File, []byte(text), 0o600))
}

// Conf returns wpa_supplicant's configuration. Names, keys and passphrases are written as hexadecimal digits, so no
// user input needs quoting.
func Conf(c config.Network) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# written by proa at every boot from network.wifi of its config\nctrl_interface=%s\n", controlDir)
	b.WriteString("p2p_disabled=1\n") // no Wi-Fi Direct
	b.WriteString("sae_pwe=2\n")      // WPA3: both derivations of the key (hunting-and-pecking and hash-to-element), for old and new access points
	if c.WiFiCountry != "" {
		fmt.Fprintf(&b, "country=%s\n", c.WiFiCountry)
	}
	for i, w := range c.WiFi {
		lines, err := network(w)
		if err != nil {
			return "", fmt.Errorf("network.wifi[%d]: %w", i, err)
		}
		fmt.Fprintf(&b, "network={\n\tssid=%x\n\tpriority=%d\n", w.Name, len(c.WiFi)-i)
		if w.Hidden {
			b.WriteString("\tscan_ssid=1\n")
		}
		b.WriteString(lines + "}\n")
	}
	return b.String(), nil
}

// keyDigits is the length of a derived key (PSK).
const keyDigits = 64

// network returns the lines for the kind of security: open, PSK, or passphrase. WPA3 (SAE) needs the passphrase itself.
// Management frame protection is optional, as the access point supports it; WPA3 requires it.
func network(w config.WiFi) (string, error) {
	switch {
	case w.Passphrase == "":
		return "\tkey_mgmt=NONE\n", nil
	case len(w.Passphrase) == keyDigits:
		if _, err := hex.DecodeString(w.Passphrase); err != nil {
			return "", fmt.Errorf("a passphrase of %d characters has to be hexadecimal digits", keyDigits)
		}
		return fmt.Sprintf("\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n\tieee80211w=1\n\tpsk=%s\n", strings.ToLower(w.Passphrase)), nil
	}
	key, err := pbkdf2.Key(sha1.New, w.Passphrase, []byte(w.Name), 4096, keyDigits/2)
	return fmt.Sprintf("\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1\n\tpsk=%x\n\tsae_password=%x\n", key, w.Passphrase), err
}
