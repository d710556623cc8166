package paths

import (
	"slices"
	"strconv"
	"testing"

	"github.com/proa-os/proa/config/foreign/draft"
)

// TestModesAreTold: the number of a usual mode in decimal is no usual mode in octal, so that both can be told apart.
func TestModesAreTold(t *testing.T) {
	for _, m := range usualModes {
		if octal, err := strconv.ParseInt(strconv.Itoa(m), 8, 32); err == nil && slices.Contains(usualModes, int(octal)) {
			t.Errorf("%d is %#o, and in octal a usual mode too", m, m)
		}
	}
}

// TestNetworkFilesAreTranslated: what another program would read of a written file has its effect here.
func TestNetworkFilesAreTranslated(t *testing.T) {
	for file, text := range map[string]string{
		"/etc/netplan/01-lan.yaml":         "network: {ethernets: {eth0: {addresses: [10.0.0.2/24]}}}",
		"/etc/network/interfaces":          "iface eth0 inet static\n address 10.0.0.2/24\n",
		"/etc/dhcpcd.conf":                 "interface eth0\nstatic ip_address=10.0.0.2/24\n",
		"/var/lib/connman/default.config":  "[service_eth0]\nType=ethernet\nIPv4=10.0.0.2/24\n",
		"/etc/systemd/network/lan.network": "[Match]\nName=eth0\n[Network]\nAddress=10.0.0.2/24\n",
	} {
		d := draft.New()
		if !File(d, file, []byte(text), d.Root) {
			t.Errorf("%s is written as it is", file)
		}
		list := d.Get("network", "interfaces", "eth0", "addresses")
		if list == nil || list.Content[0].Value != "10.0.0.2/24" || len(d.Notes) > 0 {
			t.Errorf("%s: no address, or said %v", file, d.Notes)
		}
	}
}
