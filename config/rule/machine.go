package rule

import (
	"encoding/pem"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/proa-os/proa/config/diskwish"
)

// machine are the rules for accounts, commands and file systems.
var machine = map[string]Rule{
	"username":    want(regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`).MatchString, "a name of at most 32 lower-case letters, digits, - and _"),
	"gecos":       want(func(s string) bool { return printable(s) && !strings.ContainsRune(s, ':') }, "one line without a colon"),
	"uid":         want(between(1, 65533), "0 or a number from 1 to 65533"),
	"password":    {Judge: password},
	"percent":     want(between(0, 400), "a number from 0 to 400"),
	"mebibytes":   want(between(0, 1<<20), "a number of MiB"),
	"mountsource": want(func(s string) bool { return printable(s) && !strings.Contains(s, " ") }, "a device, LABEL=…, UUID=…, PARTUUID=…, or the source of a network file system"),
	"mountpoint":  want(mountPoint, "a folder below /mnt, /srv, /home, /opt or /var, and not one that has PID 1's own files"),
	"fstype":      want(regexp.MustCompile(`^[a-z0-9_.]{1,32}$`).MatchString, "the name of a file system"),
	"mountoption": want(regexp.MustCompile(`^[^\s,]+$`).MatchString, "an option without blanks and commas"),
	"disk":        {Judge: disk},
	"anyurl":      want(isURL, "a URL that begins with https:// or http://"),
	"tries":       want(between(1, 1000), "a number from 1 to 1000"),
	"minutes":     want(between(0, 10080), "a number of minutes"),
	"line":        want(func(s string) bool { return strings.IndexFunc(s, unicode.IsControl) < 0 }, "one line"),
	"phonefield":  want(regexp.MustCompile(`^(hostname|fqdn|instance_id|pub_key_(ed25519|ecdsa|rsa))$`).MatchString, "hostname, fqdn, instance_id, or pub_key_ and ed25519, ecdsa or rsa"),
	"variable":    want(regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString, "the name of a variable"),
	"timezone":    {Judge: timezone, Clean: zoneName},
	"pem":         want(isPEM, "certificates in PEM: -----BEGIN CERTIFICATE----- …"),
	"datasource":  want(func(s string) bool { return slices.Contains(sources, s) }, "one of "+strings.Join(sources, ", ")),
	"sha256":      want(regexp.MustCompile(`^[0-9a-fA-F]{64}$`).MatchString, "64 hex digits"),
	"command":     want(func(s string) bool { return !strings.ContainsRune(s, 0) }, "a command"),
}

// sources are what may configure a machine besides its own files (init/datasource): media, and services of clouds.
var sources = strings.Fields("nocloud config-drive ec2 gce azure openstack hetzner digitalocean scaleway vultr")

// longestPassword is the longest that the SSH server reads (dropbear, DROPBEAR_MAX_PASSWORD_LEN).
const longestPassword = 100

// password: a hash is copied into a line of shadow(5).
func password(s string) string {
	hash := strings.HasPrefix(s, "$") || strings.HasPrefix(s, "!$")
	switch {
	case !printable(s):
		return "a password in one line"
	case hash && strings.ContainsAny(s, ": "):
		return "a hash of crypt(5), since it begins with $: such a hash has no colon and no space"
	case !hash && len(s) > longestPassword:
		return "a password of at most 100 bytes, which is what the SSH server reads"
	}
	return ""
}

// covers says whether a mount at s would hide own, or lies within it.
func covers(s, own string) bool {
	return strings.HasPrefix(own+"/", s+"/") || strings.HasPrefix(s, own+"/")
}

func mountPoint(s string) bool {
	tops := []string{"/mnt", "/srv", "/home", "/opt", "/var"}
	if covers(s, "/var/lib/proa") || covers(s, "/var/log/proa") {
		return false // the state and the logs of PID 1
	}
	return absolute(s) && slices.ContainsFunc(tops, func(top string) bool { return s == top && top != "/var" || strings.HasPrefix(s, top+"/") })
}

// isPEM accepts one or more certificates, and nothing after them.
func isPEM(s string) bool {
	rest := []byte(s)
	for strings.TrimSpace(string(rest)) != "" {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return false
		}
	}
	return s != ""
}

// link are the rules for interfaces and routes.
var link = map[string]Rule{
	"mac":            {Judge: hardware, Clean: hardwareAddress},
	"glob":           want(glob, "a name, where * and ? are wildcards"),
	"vlanid":         want(between(1, 4094), "a number from 1 to 4094"),
	"milliseconds":   want(between(0, math.MaxInt32), "a number of milliseconds"),
	"seconds":        want(between(0, 1000000), "a number of seconds"),
	"bondoption":     {Judge: bondOption},
	"bridgepriority": want(between(0, 65535), "a number up to 65535"),
	"pathcost":       want(between(1, 65535), "a number from 1 to 65535"), // BR_MAX_PATH_COST
	"portpriority":   want(between(0, 63), "a number up to 63"),
	"destination":    want(func(s string) bool { return s == "default" || isNetwork(s) }, "a network such as 10.8.0.0/16, or default"),
	"portrange":      want(regexp.MustCompile(`^[0-9]{1,5}-[0-9]{1,5}$`).MatchString, "ports such as 30000-32767"),
	"table":          want(between(1, math.MaxInt32), "a number from 1"),
	"tos":            want(between(0, 255), "a number up to 255"),
}

func glob(s string) bool {
	_, err := path.Match(s, "")
	return err == nil && regexp.MustCompile(`^[^\s/]{1,64}$`).MatchString(s)
}

// BondOptions are the parameters that the driver lets one set on a bond without members (drivers/net/bonding/bond_sysfs.c),
// except those with keys of their own.
var BondOptions = strings.Fields("ad_actor_sys_prio ad_actor_system ad_select ad_user_port_key all_slaves_active arp_all_targets arp_interval " +
	"arp_ip_target arp_missed_max arp_validate fail_over_mac lacp_active lp_interval min_links ns_ip6_target num_grat_arp num_unsol_na " +
	"packets_per_slave peer_notif_delay primary_reselect resend_igmp tlb_dynamic_lb use_carrier")

func bondOption(s string) string {
	if slices.Contains(BondOptions, s) {
		return ""
	}
	text := "a parameter of the bonding driver: " + strings.Join(BondOptions, ", ")
	if n := Nearest(s, BondOptions); n != "" {
		text += "; did you mean " + n + "?"
	}
	return text
}

func hardware(s string) string {
	if hardwareAddress(s) != s || strings.Count(s, ":") != 5 {
		return "a hardware address such as 52:54:00:12:34:56"
	}
	return ""
}

func disk(s string) string {
	if s == "" {
		return ""
	}
	if _, err := diskwish.Parse(s); err != nil {
		return "a disk: " + err.Error()
	}
	return ""
}
