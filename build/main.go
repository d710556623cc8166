// Command proa builds images of the proa operating system, boots them in QEMU and writes them to disks. It runs on a
// host with Go and Debian's apt and needs no root, Docker or loop devices. It changes nothing on the host but out/, its
// cache, and the disk, file or keys that it is told to write; a build without keys makes throwaway ones once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/proa-os/proa/build/bench"
	"github.com/proa-os/proa/build/flash"
	keys "github.com/proa-os/proa/build/keys/verb"
	"github.com/proa-os/proa/build/kubeconfig"
	"github.com/proa-os/proa/build/push"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/relock"
	"github.com/proa-os/proa/config/inspect"
)

// verb is a subcommand.
type verb struct {
	name  string
	args  string // arguments in the usage line
	short string
	long  string // long description with examples
	run   func(ctx context.Context, c *call) error
	flags func(f *flag.FlagSet, o *options)
}

// options are the flags of all verbs; each verb's flags function registers those it takes.
type options struct {
	iso, offline, allInputs, locked bool
	firmware, image                 string
	config, sshKey, compression     string
	memory, cpus                    int
	flash                           flash.Options
	kubeconfig                      kubeconfig.Options
	validate                        inspect.Validate
	show                            inspect.Show
	trust                           keys.Options
	release                         releasing.Flags
	push                            push.Options
}

// call is one invocation.
type call struct {
	args []string
	opts options
	out  io.Writer
}

// verbs, in the order of the help text.
func verbs() []verb {
	return []verb{
		{"plan", "BOARD [KIND]", "print the steps of an image and what they read", planHelp, planVerb, planFlags},
		{"build", "BOARD [KIND…]", "make images in out/BOARD", buildHelp, buildVerb, imageFlags},
		{"why", "BOARD [KIND] [STEP]", "say why steps would run, or why they ran last time", whyHelp, whyVerb, imageFlags},
		{"run", "BOARD", "boot an image in QEMU and wait for the node", runHelp, runVerb, runFlags},
		{"flash", "BOARD [DEVICE]", "write an image to a disk or an SD card", flash.Help, flashVerb, flashFlags},
		{"config", "VERB FILE…", "check configuration files, and show what they make together", configHelp, configFilesVerb, configFilesFlags},
		{"config-into", "IMAGE", "put a config.yaml into an image file", flash.IntoHelp, configVerb, configFlags},
		{"kubeconfig", "root@ADDRESS", "fetch a node's kubeconfig, or merge it into yours", kubeconfig.Help, kubeconfigVerb, func(f *flag.FlagSet, o *options) { o.kubeconfig.Flags(f) }},
		{"keys", "VERB DIR…", "make, split and replace the keys that sign releases", keys.Help, keysVerb, keysFlags},
		{"release", "[FILE.slot…]", "make or extend a release that devices upgrade from", releasing.Help, releaseVerb, releaseFlags},
		{"push", "NODE… RELEASE", "upgrade nodes over SSH, without a server", push.Help, func(ctx context.Context, c *call) error { return push.Run(ctx, c.opts.push, c.args, c.out) }, func(f *flag.FlagSet, o *options) { o.push.Flags(f) }},
		{"verify", "BOARD [KIND]", "make every step again and compare the outputs", verifyHelp, verifyVerb, imageFlags},
		{"bench", "BOARD", "measure sizes, times and memory", bench.Help, benchVerb, lockedFlag},
		{"lock", "", "update build/pin to the newest Debian packages", relock.Help, lockVerb, nil},
		{"tool", "-- COMMAND…", "run a command with the tool root in PATH", toolHelp, toolVerb, lockedFlag},
		{"version", "", "print version and Kubernetes version", versionHelp, versionVerb, nil},
	}
}

func main() {
	syscall.Umask(0o022) // modes of output files do not depend on the user's umask; secret files are created 0600
	// A second Ctrl-C kills at once: the first one has not helped by then.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := proa(ctx, os.Args[1:], os.Stdout)
	stop()
	var failed *push.Failure
	switch {
	case err == nil:
	case errors.As(err, &failed):
		fmt.Fprintln(os.Stderr, "proa: "+err.Error())
		os.Exit(failed.Code)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "proa: stopped; what was finished is kept")
		os.Exit(130)
	case errors.Is(err, errUsage), errors.Is(err, keys.ErrUsage), errors.Is(err, push.ErrUsage), errors.Is(err, releasing.ErrUsage):
		fmt.Fprintln(os.Stderr, "proa: "+strings.TrimSuffix(err.Error(), "\n"+errUsage.Error()))
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "proa: "+err.Error())
		os.Exit(1)
	}
}
