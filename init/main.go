// Command init is the device binary: PID 1 in the initramfs and on the root, and the proa command. It selects by its
// PID and its name. It refuses to be PID 1 of anything but a proa system.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/cli"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/pid1"
	"github.com/proa-os/proa/init/shutdown"
	"github.com/proa-os/proa/init/softswap"
	"github.com/proa-os/proa/init/sudo"
	"github.com/proa-os/proa/init/sys"
)

func main() {
	// The version is read at run time and not linked in, so that a commit changes the root image but not the programs;
	// the initramfs has no release.json.
	r := releasefile.Read(releasefile.Path, "unknown")
	if os.Getpid() == 1 {
		pid1.Main(r.Version, func(run sys.Runner) sys.Sys { return sys.Linux{Runner: run} }) // never returns
	}
	if len(os.Args) > 1 && (os.Args[1] == "-print" || os.Args[1] == "--print") {
		fmt.Print(boot.Print() + "\n" + health.Print() + "\n" + shutdown.Print() + "\n" + softswap.Print())
		return
	}
	if filepath.Base(os.Args[0]) == "modprobe" {
		os.Exit((&boot.Machine{Sys: sys.Linux{}}).Modprobe(os.Args[1:], os.Stderr))
	}
	if filepath.Base(os.Args[0]) == "sudo" {
		os.Exit(sudo.Client{Version: r.Version, In: os.Stdin, Out: os.Stdout, Err: os.Stderr}.Main(os.Args[1:]))
	}
	if filepath.Base(os.Args[0]) == "init" {
		fmt.Fprintln(os.Stderr, "init runs as PID 1; init -print shows what it does. The command is proa.")
		os.Exit(2)
	}
	os.Exit(cli.Main(cli.Env{Sys: sys.Linux{}, Out: os.Stdout, Err: os.Stderr, Version: r.Version, Kubernetes: r.Kubernetes}, os.Args[1:]))
}
