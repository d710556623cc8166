// Package command reads shell commands of foreign documents: it joins the words of a list, and finds what has a key
// here: a restart, the installation of K3s, a program that this system does not have. It does not parse the shell's
// language, and runs nothing.
package command

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// Line returns a command as a line of sh: a string as it is, a list of words quoted.
func Line(d *draft.Draft, n *yaml.Node) (string, bool) {
	n = draft.Resolved(n)
	if n.Kind != yaml.SequenceNode {
		return draft.String(n)
	}
	var words []string
	for _, item := range d.Items(n) {
		word, ok := draft.String(item)
		if !ok {
			return "", false
		}
		words = append(words, Quote(word))
	}
	return strings.Join(words, " "), true
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+:,./=-]+$`)

// Quote makes one word of sh of any text (POSIX.1, XCU 2.2.2).
func Quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Lines returns the commands of a list, without empty ones, and reports entries that are none.
func Lines(d *draft.Draft, name string, list *yaml.Node) (out []Command) {
	for _, item := range d.Items(list) {
		line, ok := Line(d, item)
		switch {
		case !ok && item.Kind == yaml.MappingNode:
			d.Refuse(item, "%s: want a command, found key: value pairs; one that holds a colon and a space needs quotes", name)
		case !ok:
			d.Refuse(item, "%s: want a command: a string, or a list of words", name)
		case strings.TrimSpace(line) != "":
			out = append(out, Command{line, item})
		}
	}
	return out
}

// Command is a line of sh with its place.
type Command struct {
	Text string
	At   *yaml.Node
}

// Join makes one script of commands. cloud-init runs a list as one script of sh, so that cd, export and set -e in one
// entry hold for those after it.
func Join(commands []Command) string {
	var b strings.Builder
	for i, c := range commands {
		if i > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(c.Text)
	}
	return b.String()
}

var modprobe = regexp.MustCompile(`^(?:sudo )?(?:/sbin/|/usr/sbin/)?modprobe ([A-Za-z0-9_-]+(?: [a-z0-9_]+=[^ ;&|]*)*)$`)

// LoadsModule translates a call of modprobe with a module and its parameters to modules.
func LoadsModule(d *draft.Draft, at *yaml.Node, text string) bool {
	m := modprobe.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return false
	}
	if list := d.Get("modules"); list == nil || !slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return n.Value == m[1] }) {
		d.Append(draft.Text(at, m[1]), "modules")
	}
	return true
}

// Restart says whether a command does nothing but restart the machine or switch it off: reboot, poweroff or "". Delay is
// in minutes.
func Restart(text string) (action string, delay int) {
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(text), "sudo "))
	if len(words) == 0 {
		return "", 0
	}
	switch strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(words[0], "/usr"), "/sbin/"), "/bin/") {
	case "reboot":
		return "reboot", 0
	case "poweroff", "halt":
		return "poweroff", 0
	case "systemctl":
		if len(words) == 2 && (words[1] == "reboot" || words[1] == "poweroff") {
			return words[1], 0
		}
	case "init", "telinit":
		return map[string]string{"6": "reboot", "0": "poweroff"}[strings.Join(words[1:], " ")], 0
	case "shutdown":
		return shutdown(words[1:])
	}
	return "", 0
}

var inMinutes = regexp.MustCompile(`^\+([0-9]{1,4})$`)

// shutdown reads the arguments of shutdown(8).
func shutdown(args []string) (action string, delay int) {
	action, delay = "poweroff", 1 // as the manual page has it
	for _, a := range args {
		m := inMinutes.FindStringSubmatch(a)
		switch {
		case a == "-r" || a == "--reboot":
			action = "reboot"
		case a == "-h" || a == "-P" || a == "-H" || a == "--poweroff":
			action = "poweroff"
		case a == "now" || a == "-t":
			delay = 0
		case a == "-c":
			return "", 0
		case m != nil:
			delay = number(m[1])
		}
	}
	return action, delay
}

func number(digits string) (n int) {
	for _, r := range digits {
		n = 10*n + int(r-'0')
	}
	return n
}
