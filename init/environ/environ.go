// Package environ makes environments out of the user's variables: of commands, of logins, and of the runtime, which must
// not send requests within the cluster to a proxy. It refuses nothing: config has checked the names and that no value has
// a line break.
package environ

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/init/proc"
	"github.com/proa-os/proa/init/sys"
)

// K3sFile has the variables for the runtime, one NAME=VALUE a line; PID 1 writes it, and reads it at each start of the
// runtime. LoginFile has those of logins, for /etc/profile.
const (
	K3sFile   = "/run/proa/k3s-environment"
	LoginFile = "/etc/environment"
)

// defaultPath is in proc.Env too.
const defaultPath = "/usr/sbin:/usr/bin:/sbin:/bin"

// Write writes both files. Logins of every account read the first one.
func Write(s sys.Sys, c *config.Config) error {
	return errors.Join(s.WriteFile(LoginFile, []byte(Login(c.Environment)), 0o644),
		s.WriteFile(K3sFile, []byte(K3s(c.Environment, c.K3s.Args)), 0o600))
}

// Commands returns the environment of the user's commands.
func Commands(c *config.Config) []string { return Merge(proc.Env(), c.Environment) }

// Merge returns base with the variables of vars, which replace those of the same name: with two of a name programs
// differ in which one they use.
func Merge(base []string, vars map[string]string) []string {
	vars = reachable(vars)
	var out []string
	for _, line := range base {
		name, _, _ := strings.Cut(line, "=")
		if _, replaced := vars[name]; !replaced {
			out = append(out, line)
		}
	}
	return append(out, lines(vars)...)
}

// reachable completes a PATH: $PATH in it is expanded by no shell, and without the folders of the root k3s finds none of
// the programs that it runs.
func reachable(vars map[string]string) map[string]string {
	own, set := vars["PATH"]
	if !set {
		return maps.Clone(vars)
	}
	var folders []string
	for _, f := range append(strings.Split(own, ":"), strings.Split(defaultPath, ":")...) {
		if strings.HasPrefix(f, "/") && !slices.Contains(folders, f) {
			folders = append(folders, f)
		}
	}
	out := maps.Clone(vars)
	out["PATH"] = strings.Join(folders, ":")
	return out
}

func lines(vars map[string]string) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		out = append(out, name+"="+vars[name])
	}
	return out
}

// Login returns the text of LoginFile. A value that is in quotes gets another pair, because pam_env(8) and /etc/profile
// remove one.
func Login(vars map[string]string) string {
	quoted := map[string]string{}
	for name, v := range reachable(vars) {
		if len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
			v = `"` + v + `"`
		}
		quoted[name] = v
	}
	return text(lines(quoted))
}

// K3s returns the text of K3sFile: the variables, with the cluster's own networks in NO_PROXY if there is a proxy. args
// are the runtime's flags, which may name other networks.
func K3s(vars map[string]string, args []string) string {
	all := reachable(vars)
	if proxied(vars) {
		list := append([]string{first(vars, "NO_PROXY", "no_proxy")}, inside(args)...)
		list = slices.DeleteFunc(list, func(s string) bool { return s == "" })
		all["NO_PROXY"] = strings.Join(list, ",")
		all["no_proxy"] = all["NO_PROXY"]
	}
	return text(lines(all))
}

func text(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func proxied(vars map[string]string) bool {
	return first(vars, "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") != ""
}

func first(vars map[string]string, names ...string) string {
	for _, n := range names {
		if vars[n] != "" {
			return vars[n]
		}
	}
	return ""
}

// inside are the networks and domains of the cluster that the flags name, or K3s's defaults, and this machine.
func inside(args []string) []string {
	return append([]string{"localhost", "127.0.0.0/8", "::1"},
		flag(args, "cluster-cidr", k3sflags.ClusterCIDR), flag(args, "service-cidr", k3sflags.ServiceCIDR),
		".svc", "."+strings.TrimPrefix(flag(args, "cluster-domain", k3sflags.ClusterDomain), "."))
}

// flag returns the values of a flag, separated by commas.
func flag(args []string, name, other string) string {
	var values []string
	for _, a := range args {
		if v, is := strings.CutPrefix(a, "--"+name+"="); is {
			values = append(values, v)
		}
	}
	if values == nil {
		return other
	}
	return strings.Join(values, ",")
}

// Read returns base with the variables of a file that this package has written, base alone if there is none.
func Read(root, file string, base []string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return base, fmt.Errorf("environment: %w", err)
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(content)) {
		if name, value, is := strings.Cut(strings.TrimSuffix(line, "\n"), "="); is {
			vars[name] = value
		}
	}
	return Merge(base, vars), nil
}
