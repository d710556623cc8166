package rule

import (
	"slices"
	"strconv"
	"strings"

	"github.com/proa-os/proa/config/k3sflags"
)

// ours are flags that have no effect in k3s.args, because init sets them or they come too late.
var ours = map[string]string{
	"config":       "the runtime's own file is written from this document, and this flag would come too late",
	"disable-kube": "Kubernetes is switched off by enabled: false",
}

// values maps the name of a flag's value in the runtime's help to a rule.
var values = map[string]string{"address": "ip", "network": "cidr", "key=value": "label", "key=value:effect": "taint", "domain": "domain", "URL": "url",
	"file": "path", "octal": "octal", "ports": "portrange", "folder": "path", "path": "path", "port": "port", "secret": "token", "flag=value": "argument"}

// byName are rules for flags of which more is known than what their value is called.
var byName = map[string]string{"node-name": "nodename", "node-ip": "nodeip", "advertise-address": "nodeip", "cluster-cidr": "podrange", "service-cidr": "svcrange",
	"data-dir": "kept", "write-kubeconfig": "kept", "disable": "component"}

// flagArg checks one entry of k3s.args. It never quotes a value, which may be a token.
func flagArg(s string) string {
	if !strings.HasPrefix(s, "--") {
		return "a flag such as --disable=local-storage (flag and value in one entry, joined by =)"
	}
	name, value, given := strings.Cut(s[2:], "=")
	f, known := k3sflags.Named(name)
	instead, ofK3s := k3sflags.Instead(name)
	switch {
	case k3sflags.Granted(name):
		return ""
	case ours[name] != "":
		return "a flag that has an effect here: " + ours[name]
	case ofK3s && !known:
		return "a flag of the runtime; it does not have this one of K3s: " + instead
	case !known:
		return "a flag of the runtime" + nearFlag(name) + "; REFERENCE.md lists them"
	case !given && f.Type != "bool":
		return "--" + name + "=" + strings.ToUpper(orValue(f.Arg)) + ": a value joined by ="
	}
	return flagValue(f, value, given)
}

func nearFlag(name string) string {
	var names []string
	for _, f := range k3sflags.All() {
		names = append(names, f.Name)
	}
	if n := near(name, names, "-"); n != "" {
		return "; did you mean --" + n + "?"
	}
	return ""
}

func orValue(arg string) string {
	if arg == "" {
		return "value"
	}
	return arg
}

func flagValue(f k3sflags.Flag, value string, given bool) string {
	parts := []string{value}
	if f.Type == "stringSlice" {
		parts = strings.Split(value, ",")
	}
	for _, p := range parts {
		if want := flagPart(f, p, given); want != "" {
			return want + ", for --" + f.Name
		}
	}
	return ""
}

func flagPart(f k3sflags.Flag, value string, given bool) string {
	switch {
	case f.Type == "bool" && given:
		if _, err := strconv.ParseBool(value); err != nil {
			return "true or false"
		}
		return ""
	case f.Name == "flannel-backend":
		if !slices.Contains([]string{"vxlan", "host-gw", "none"}, value) {
			return "vxlan, host-gw or none"
		}
		return ""
	case byName[f.Name] != "":
		return judge(byName[f.Name], value)
	case f.Type == "int" && values[f.Arg] == "":
		if _, err := strconv.Atoi(value); err != nil {
			return "a whole number"
		}
		return ""
	case f.Arg != "" && value == "":
		return "a value after ="
	case values[f.Arg] != "":
		return judge(values[f.Arg], value)
	}
	return ""
}

func judge(word, value string) string {
	r, _ := Of(word)
	return r.Judge(value)
}
