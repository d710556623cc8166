// Package push upgrades nodes from this host, over the user's own ssh: the engine on the node asks for what it needs of a
// release through the connection (config/pushlink), so that it downloads no more than from a server, verifies the same,
// and goes on after an interruption. Then it waits for the node to restart, and for the verdict about the new version.
//
// It refuses what is no release, and after a node that fails it begins no other one. It sends nothing that the engine did
// not ask for, and decides nothing about what the node takes.
package push

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"
)

// Options are the verb's.
type Options struct {
	Check, NoReboot, Again bool
	SSH                    string        // command
	Wait                   time.Duration // for the verdict after the restart
}

// Help is the verb's.
const Help = `
RELEASE is the directory or the bundle that proa release makes, or a .slot file. Each node takes it through your ssh, with your keys,
your known_hosts and your ~/.ssh/config: nothing has to be served, and only what the node does not have is sent. One node after the
other is upgraded, and waited for until the new version is good there; after the first one that fails none is begun. The key must
need no typing (ssh-agent), because the node is asked again after its restart.

  proa push root@192.0.2.7 site                     upgrade a node
  proa push --check root@192.0.2.7 site             say what it would take
  proa push edge-1 edge-2 edge-3 v2.tar             three nodes, from a bundle
  proa push --no-reboot edge-1 out/pc/proa-pc.slot  write it; the next boot is a trial of it
  proa push --ssh "ssh -p 2222 -i key" root@192.0.2.7 site

Ctrl-C while a slot is written stops that: the node runs what it ran, and the same command goes on where it was. Once the node restarts it
decides by itself; proa upgrade log tells how. Exit codes: 0 every node runs it and is good, 1 a node has not taken it and runs what it
ran, 3 a node fell back from it, 4 a node has not told how it ended within the time of --wait, 130 stopped.`

// Flags declares the verb's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.BoolVar(&o.Check, "check", false, "only say what each node would take")
	f.BoolVar(&o.NoReboot, "no-reboot", false, "leave the restart to whoever comes next")
	f.BoolVar(&o.Again, "again", false, "also a version that the node has given up, or an older one")
	f.StringVar(&o.SSH, "ssh", "ssh", "`command` that connects, with its options")
	f.DurationVar(&o.Wait, "wait", 30*time.Minute, "how `long` a node may take from its restart to the verdict")
}

// ErrUsage is returned if the arguments are wrong.
var ErrUsage = errors.New("want NODE… RELEASE, such as root@192.0.2.7 site")

// Codes of exit.
const (
	NotTaken   = 1
	FellBack   = 3
	NoVerdict  = 4
	interrupts = 130
)

// Failure is how a node failed.
type Failure struct {
	Node string
	Code int // of exit
	Err  error
}

func (f *Failure) Error() string { return fmt.Sprintf("push: %s: %v", f.Node, f.Err) }
func (f *Failure) Unwrap() error { return f.Err }

// Run runs the verb.
func Run(ctx context.Context, o Options, args []string, out io.Writer) error {
	if len(args) < 2 || len(strings.Fields(o.SSH)) == 0 {
		return fmt.Errorf("push: %w; see `proa help push`", ErrUsage)
	}
	nodes, place := args[:len(args)-1], args[len(args)-1]
	for _, n := range nodes {
		if n == "" || strings.HasPrefix(n, "-") {
			return fmt.Errorf("push: invalid node %q; %w", n, ErrUsage)
		}
	}
	r, err := openRelease(place)
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	defer r.close()
	for i, name := range nodes {
		n := node{name: name, ssh: strings.Fields(o.SSH), out: &lines{w: out, before: name + ": "}}
		if err := n.upgrade(ctx, o, r); err != nil {
			if rest := nodes[i+1:]; len(rest) > 0 {
				fmt.Fprintf(out, "not begun: %s\n", strings.Join(rest, " "))
			}
			return err
		}
	}
	return nil
}

// here names this host and user for the node's journal.
func here() string {
	host, _ := os.Hostname()
	if u, err := user.Current(); err == nil {
		return u.Username + "@" + host
	}
	return host
}
