// Package cli is the `proa` command on the device: a table of verbs. It reads files that PID 1 writes and sends
// requests and signals to PID 1. Of the machine it changes only the slot that does not run, the boot state, the
// configuration file, and the mark that formats the data partition.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/inspect"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/install/help"
	"github.com/proa-os/proa/init/install/launch"
	"github.com/proa-os/proa/init/reset"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/sys"
	upgrade "github.com/proa-os/proa/init/upgrade/help"
)

// Env is the environment of a verb; tests replace it.
type Env struct {
	Sys        sys.Sys
	Out, Err   io.Writer
	Root       string // prefix of files that are read
	Version    string
	Kubernetes string
	// Slot returns the slot that does not run; nil: that of this machine.
	Slot func() (slotwrite.Target, error)
	In   io.Reader // standard input, also for files named -; nil: os.Stdin
	// Place returns where the configuration is; nil: on this machine's boot partition.
	Place func() (bootfile.Place, error)
	// Edit lets the user edit a file; nil: with an editor.
	Edit func(file string) error
	// Ask sends a request to PID 1; nil: through its socket.
	Ask func(control.Request, func(string)) error
	// EraseData marks the data partition as unformatted; nil: that of this machine.
	EraseData func() error
}

// verb is one row.
type verb struct {
	name, args, help string
	run              func(Env, []string) error
}

// verbs is the table; the help text is made from it.
func verbs() []verb {
	return []verb{
		{"status", "[--json]", "state of the machine: slot, services, problems", statusVerb},
		{"health", "", "each condition that a new slot has to meet, and your checks, tried now; exit code 1 if one fails", healthVerb},
		{"version", "", "version of this system and of Kubernetes", versionVerb},
		{"config show", "[--origin]", "the configuration in force, without secrets", showVerb},
		{"config diff", "[FILE|-]", "what differs from the configuration in force, and what each change needs", diffVerb},
		{"config validate", "[--quiet] [--json] FILE…|-", "check configuration files; - is standard input", validateVerb},
		{"config check", "[FILE|-]", "check a configuration; exit code 1 if it has problems", checkVerb},
		{"config edit", "", "edit the configuration; a text with problems is not saved", editVerb},
		{"config apply", "FILE|- [--confirm TIME] [--force]", "replace the configuration by FILE, if that has no problems", applyVerb},
		{"config confirm", "", "keep a change that was applied with --confirm", confirmVerb},
		{"config revert", "", "take a change that was applied with --confirm back at once", revertVerb},
		{"kubeconfig", "[--server S] [--context NAME]", "the administrator's kubeconfig, for kubectl on other machines", kubeconfigVerb},
		{"slot", "", "which slot runs, whether it is on trial, and what is in the other one", slotVerb},
		{"slot write", "a|b FILE", "write a .slot file to the slot that does not run; - reads standard input", slotWriteVerb},
		{"slot try", "a|b [--reboot]", "verify that slot, and make the next boot a trial of it", slotTryVerb},
		{"slot rollback", "[--reboot]", "make the next boot use the other slot, if that one is good", slotRollbackVerb},
		{"upgrade check", "[--again] [SOURCE]", "say which release there is for this machine", upgradeVerb("check")},
		{"upgrade fetch", "[--again] [SOURCE]", "write it to the slot that does not run", upgradeVerb("fetch")},
		{"upgrade apply", "[--again] [--no-reboot] [--skip-rehearsal] [SOURCE]", "write it, and restart for a trial of it", upgradeVerb("apply")},
		{"upgrade status", "[--json]", "the upgrade that runs, or the last one", upgradeVerb("status")},
		{"upgrade log", "[--json]", "all upgrades of this machine, and how each ended", upgradeVerb("log")},
		{"upgrade restore-datastore", "[--yes]", "restore the cluster's datastore from before the last upgrade", upgradeVerb("restore-datastore")},
		{"data erase", "--yes", "format the data partition at the next boot; everything on it is lost", dataEraseVerb},
		{"install", "[FLAGS]", "install the system of an ISO on a disk of this machine; without flags it asks", installVerb},
		{"reset", "--yes [--keep-config]", "make the machine as it was when it was new: data and configuration are lost", resetVerb},
		{"logs", "NAME [-f]", "a log: of a service (k3s, ssh, ntp) or of commands (boot-cmd, run-cmd); -f follows", logsVerb},
		{"timeline", "", "how long each step of the boot, and of lists of steps since then, took", timelineVerb},
		{"restart", "NAME", "restart a service: k3s, ssh, ntp; pods keep running", restartVerb},
		{"reboot", "", "shut down in order and restart the machine", rebootVerb},
		{"poweroff", "", "shut down in order and switch off the machine", poweroffVerb},
		{"ntp", "", "synchronise the clock by NTP (PID 1 runs this)", ntpVerb},
		{"sudo-service", "", "run commands of administrators as root (PID 1 runs this)", sudoVerb},
	}
}

const examples = `
Examples:
  proa status
  proa logs k3s -f
  proa config edit
`

// more is the additional help of some verbs; for the others the general examples are shown.
var more = map[string]string{"slot write": slotWriteHelp, "slot try": slotTryHelp, "slot rollback": slotRollbackHelp, "data erase": reset.EraseHelp, "reset": reset.Help, "install": help.Text,
	"config validate": inspect.ValidateHelp, "config diff": diffHelp, "config edit": configHelp, "config apply": configHelp, "config confirm": configHelp, "config revert": configHelp, "kubeconfig": kubeconfigHelp, "timeline": timelineHelp,
	"upgrade check": upgrade.Text, "upgrade fetch": upgrade.Text, "upgrade apply": upgrade.Text, "upgrade status": upgrade.StatusText, "upgrade log": upgrade.StatusText, "upgrade restore-datastore": upgrade.RestoreText}

// Usage returns the help text of this machine.
func Usage() string { return usage(launch.There()) }

// column is where the descriptions begin; longer calls have a line of their own.
const column = 24

func usage(installer bool) string {
	var b strings.Builder
	b.WriteString("proa shows and controls this machine.\n\nUsage: proa VERB\n\n")
	for _, v := range verbs() {
		if v.name == "install" && !installer {
			continue
		}
		call := strings.TrimSpace(v.name + " " + v.args)
		if len([]rune(call)) > column {
			fmt.Fprintf(&b, "  %s\n", call)
			call = ""
		}
		fmt.Fprintf(&b, "  %-*s %s\n", column, call, v.help)
	}
	return b.String() + examples
}

// Main returns the exit code: 0, 1 for a failure, 2 for a wrong usage.
func Main(e Env, args []string) int {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" || args[0] == "help" {
		fmt.Fprint(e.Out, Usage())
		return 0
	}
	v, rest := find(args)
	if v == nil {
		fmt.Fprintln(e.Err, "proa: "+unknown(args))
		return 2
	}
	for _, a := range rest {
		if a == "--help" || a == "-h" {
			text, ok := more[v.name]
			if !ok {
				text = examples
			}
			fmt.Fprintf(e.Out, "Usage: proa %s\n\n%s\n%s", strings.TrimSpace(v.name+" "+v.args), v.help, text)
			return 0
		}
	}
	switch err := v.run(e, rest); {
	case err == flag.ErrHelp:
		return 2
	case errors.Is(err, inspect.ErrUsage):
		fmt.Fprintf(e.Err, "proa: %v\n", err)
		return 2
	case err != nil:
		fmt.Fprintf(e.Err, "proa: %s: %v\n", v.name, err)
		return 1
	}
	return 0
}

// unknown says what was probably meant by words that begin with no verb.
func unknown(args []string) string {
	var of []string // "config" alone is the first word of several
	for _, n := range names() {
		if strings.HasPrefix(n, args[0]+" ") {
			of = append(of, "proa "+n)
		}
	}
	if of != nil {
		return fmt.Sprintf("%s needs a subcommand: %s", args[0], strings.Join(of, ", "))
	}
	said := fmt.Sprintf("unknown verb %q", args[0])
	for _, word := range []string{strings.Join(args[:min(2, len(args))], " "), args[0]} {
		if n := config.Nearest(word, names()); n != "" {
			return fmt.Sprintf("%s; did you mean %q?\nproa --help lists the verbs", said, n)
		}
	}
	return said + "\nproa --help lists the verbs"
}

// find returns the verb with the most matching words: "slot try" is not "slot".
func find(args []string) (best *verb, rest []string) {
	for _, v := range verbs() {
		words := strings.Fields(v.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == v.name && (best == nil || len(args)-len(words) < len(rest)) {
			best, rest = &v, args[len(words):]
		}
	}
	return best, rest
}

func names() (out []string) {
	for _, v := range verbs() {
		out = append(out, v.name)
	}
	return out
}

// flags returns a flag set with the same error reporting for every verb.
func flags(e Env, name string) *flag.FlagSet {
	fs := flag.NewFlagSet("proa "+name, flag.ContinueOnError)
	fs.SetOutput(e.Err)
	return fs
}

// parsed takes flags before and after the arguments, and returns these.
func parsed(fs *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, flag.ErrHelp // it was printed
		}
		if args = fs.Args(); len(args) == 0 {
			return rest, nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

// noArgs refuses unexpected arguments.
func noArgs(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	return nil
}

func (e Env) read(path string) ([]byte, error) { return os.ReadFile(e.Root + path) }
