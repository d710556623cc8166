package command

import (
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// maxScript is the size that one argument of a program may have (MAX_ARG_STRLEN of execve(2)), less what sh needs.
const maxScript = 128<<10 - 256

// Script says whether a text can be run as a command of the shell, and notes why it cannot, or what differs.
func Script(d *draft.Draft, at *yaml.Node, text string) bool {
	name := interpreter(text)
	switch {
	case len(text) > maxScript:
		d.Refuse(at, "a script of more than %d KiB, which is not run; write it by write_files and call it", maxScript>>10)
		return false
	case strings.ContainsRune(text, 0):
		d.Refuse(at, "a program, not a script; programs are built into the image, or run as pods")
		return false
	case name == "" || name == "sh" || name == "ash" || name == "dash":
		return true
	case name == "bash":
		d.Note(at, "a script for bash, which is run by sh (busybox): use no arrays, and [ ] in place of [[ ]]")
		return true
	}
	d.Note(at, "not run: a script for an interpreter that this system does not have; write it for sh, or run it as a pod")
	return false
}

// Once makes a script that counts as done after its first run, also if it fails or restarts the machine: cloud-init runs
// such scripts once, and they may format a disk or append to a file.
func Once(text string) string { return "trap 'exit 0' EXIT TERM\n" + text }

// interpreter is the name of the program in a script's first line; "" if there is none.
func interpreter(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	words := strings.Fields(strings.TrimPrefix(first, "#!"))
	if !strings.HasPrefix(first, "#!") || len(words) == 0 {
		return ""
	}
	if path.Base(words[0]) != "env" {
		return path.Base(words[0])
	}
	for _, w := range words[1:] {
		if !strings.HasPrefix(w, "-") && !strings.Contains(w, "=") {
			return path.Base(w)
		}
	}
	return ""
}
