package metadata

import (
	"bytes"
	"strings"
)

// seed is NoCloud at an address: `ds=nocloud;s=URL` on the kernel command line, or as the SMBIOS serial number. It is read
// into the cache of NoCloud's media. Neither tokens nor sums protect it: who sets these words knows the network.
func seed(f facts) (cloud, bool) {
	base := expanded(f.seed["seedfrom"], f)
	if !strings.HasPrefix(base, "https://") && !strings.HasPrefix(base, "http://") {
		return cloud{}, false
	}
	return cloud{name: "nocloud", far: true, is: func(facts) bool { return true }, bases: []string{strings.TrimSuffix(base, "/")},
		files: []answer{
			{file: "meta-data", path: "/meta-data", must: true, made: named(f.seed["local-hostname"])},
			{file: "vendor-data", path: "/vendor-data"},
			{file: "user-data", path: "/user-data"},
			{file: "network-config", path: "/network-config"}}}, true
}

// named adds the host name of `h=`, if the meta-data has none.
func named(host string) func(*session, []byte) ([]byte, error) {
	return func(_ *session, text []byte) ([]byte, error) {
		if host == "" || bytes.Contains(text, []byte("local-hostname")) || bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			return text, nil
		}
		return append(bytes.TrimRight(text, "\n"), "\nlocal-hostname: "+host+"\n"...), nil
	}
}

// variables are cloud-init's names for what the firmware says, in addresses as __dmi.NAME__.
var variables = map[string]string{"system-uuid": "product_uuid", "system-serial-number": "product_serial", "system-product-name": "product_name",
	"system-manufacturer": "sys_vendor", "chassis-serial-number": "chassis_serial", "chassis-asset-tag": "chassis_asset_tag", "baseboard-asset-tag": "board_asset_tag"}

func expanded(url string, f facts) string {
	for name, file := range variables {
		url = strings.ReplaceAll(url, "__dmi."+name+"__", f.dmi[file])
	}
	return url
}
