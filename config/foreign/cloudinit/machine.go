package cloudinit

import (
	"strings"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/field"
	"github.com/proa-os/proa/config/foreign/nodename"
)

func (r *reader) hostname(p draft.Pair) {
	s, ok := draft.String(p.Value)
	if !ok {
		r.Refuse(p.Value, "hostname: want a name; one that begins with { needs quotes")
		return
	}
	nodename.Set(r.Draft, p.Value, s)
}

// fqdn gives the host name if there is no other; the domain has no key.
func (r *reader) fqdn(p draft.Pair) {
	s, ok := draft.String(p.Value)
	switch {
	case !ok:
		r.Refuse(p.Value, "fqdn: want a name; one that begins with { needs quotes")
	case r.Draft.Get("hostname") == nil:
		nodename.Set(r.Draft, p.Value, s)
	case strings.Contains(s, "."):
		r.Note(p.At, "fqdn: the node's name is the host name; for the domain use network.search")
	}
}

// localHostname is a key of meta-data, which some write here.
func (r *reader) localHostname(p draft.Pair) {
	if r.Draft.Get("hostname") != nil {
		r.Note(p.At, "local-hostname: a key of meta-data; hostname counts")
		return
	}
	r.hostname(p)
}

func (r *reader) etcHosts(p draft.Pair) {
	s, _ := draft.String(p.Value)
	if truth, ok := draft.Truth(p.Value); ok && !truth || s == "template" {
		r.Note(p.At, "manage_etc_hosts: /etc/hosts always has the host name; further lines by write_files with append: true")
	}
}

// resolvConf is read only where manage_resolv_conf asks for it, as cloud-init has it.
func (r *reader) resolvConf(p draft.Pair) {
	if m, ok := r.get("manage_resolv_conf"); !ok || field.Nothing(m.Value) {
		r.Note(p.At, "resolv_conf: has no effect without manage_resolv_conf: true")
		return
	}
	f := r.Fields(p.Value, "resolv_conf", field.Known{"nameservers": "", "searchdomains": "", "domain": "",
		"sortlist": "the C library of this system does not sort addresses", "options": "the resolver's options are fixed"})
	r.list(f["nameservers"], "network", "dns")
	r.list(f["domain"], "network", "search")
	r.list(f["searchdomains"], "network", "search")
}

// list appends the entries of a value, if it is there.
func (r *reader) list(p draft.Pair, path ...string) {
	if p.Value != nil {
		r.Texts(p.Value, ", ", p.Key, path...)
	}
}

func (r *reader) ntp(p draft.Pair) {
	f := r.Fields(p.Value, "ntp", field.Known{"servers": "", "pools": "", "enabled": "", "peers": "the machine is a client only; list them in servers",
		"allow": "the machine serves no time; run a time server as a pod", "ntp_client": "the client is a part of the system", "config": "the client is a part of the system"})
	if e, ok := f["enabled"]; ok && field.Nothing(e.Value) {
		r.Note(e.At, "ntp: enabled: "+
			"the clock is always synchronised; without servers those of DHCP and of pool.ntp.org are asked")
	}
	r.list(f["servers"], "ntp", "servers")
	r.list(f["pools"], "ntp", "servers")
}

// authorities: an entry may hold several certificates.
func (r *reader) authorities(p draft.Pair) {
	f := r.Fields(p.Value, "ca_certs", field.Known{"trusted": "", "remove_defaults": "the authorities of Mozilla stay trusted"})
	for _, n := range r.Items(f["trusted"].Value) {
		s, ok := draft.String(n)
		if !ok {
			r.Refuse(n, "ca_certs: want a certificate in PEM")
			continue
		}
		if strings.TrimSpace(s) != "" {
			r.Append(draft.Text(n, s), "ca_certs")
		}
	}
}

func (r *reader) growpart(p draft.Pair) {
	mode, _ := draft.String(draft.Resolved(draft.Get(p.Value, "mode")))
	if off := strings.ToLower(mode); off == "off" || off == "false" || off == "no" {
		r.Note(p.At, "growpart: mode: %s", growsItself)
		return
	}
	r.Fields(p.Value, "growpart", field.Known{"mode": growsItself, "devices": growsItself, "ignore_growroot_disabled": growsItself})
}
