package command

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/k3sargs"
)

var installer = regexp.MustCompile(`https?://(?:get|rancher-mirror)\.[a-z0-9.]*(?:k3s\.io|rancher\.cn|rancher\.io)\b`)

// InstallsK3s translates a call of K3s's installation script to k3s.args, because K3s is a part of this system. It
// returns false for other commands.
func InstallsK3s(d *draft.Draft, at *yaml.Node, text string) bool {
	if !installer.MatchString(text) {
		return false
	}
	d.Note(at, "K3s is a part of this system and is not installed; its flags are read as k3s.args, its variables as k3s.token and k3s.server_url")
	_, call, _ := strings.Cut(strings.ReplaceAll(text, "\\\n", " "), "|")
	env, args := split(words(call))
	if exec := env["INSTALL_K3S_EXEC"]; exec != "" {
		args = append(words(exec), args...)
	}
	for name, key := range k3sargs.Variables {
		if env[name] != "" {
			d.Set(draft.Text(at, env[name]), "k3s", key)
		}
	}
	var list []*yaml.Node
	for _, a := range args {
		list = append(list, draft.Text(at, a))
	}
	k3sargs.Add(d, list)
	return true
}

// split divides the words of a call of sh in the variables before it and the arguments behind it.
func split(words []string) (env map[string]string, args []string) {
	env = map[string]string{}
	shell := slices.IndexFunc(words, func(w string) bool { return w == "sh" || w == "bash" || w == "/bin/sh" || w == "/bin/bash" })
	if shell < 0 {
		shell = len(words)
	}
	for _, w := range words[:shell] {
		if name, value, ok := strings.Cut(w, "="); ok {
			env[name] = value
		}
	}
	for _, w := range words[min(shell+1, len(words)):] {
		switch {
		case strings.ContainsAny(w, ";&|<>"):
			return env, args
		case w != "-s" && w != "-" && w != "--":
			args = append(args, w)
		}
	}
	return env, args
}

// words splits a line at blanks as sh does, quotes undone. Variables are not expanded.
func words(line string) (out []string) {
	var b strings.Builder
	var quote rune
	some := false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			b.WriteRune(r)
		case r == '"' || r == '\'':
			quote, some = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if some || b.Len() > 0 {
				out = append(out, b.String())
			}
			b.Reset()
			some = false
		default:
			b.WriteRune(r)
		}
	}
	return out
}
