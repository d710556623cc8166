// Command init is everything proa runs on the device beside Kubernetes: PID 1 in the initramfs and on the root, and the proa
// command. Which of them it is, it tells by its process number and its name. It refuses to be PID 1 of anything but a proa system.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/cli"
	"github.com/proa-os/proa/init/pid1"
	"github.com/proa-os/proa/init/shutdown"
)

// Set by the linker, see docs/contracts.md.
var (
	version    = "unknown"
	kubernetes = "unknown"
)

func main() {
	if os.Getpid() == 1 {
		pid1.Main(version) // never returns
	}
	if len(os.Args) > 1 && (os.Args[1] == "-print" || os.Args[1] == "--print") {
		fmt.Print(boot.Print() + "\n" + shutdown.Print())
		return
	}
	if filepath.Base(os.Args[0]) == "modprobe" {
		os.Exit(boot.ModprobeMain(os.Args[1:]))
	}
	if filepath.Base(os.Args[0]) == "init" {
		fmt.Fprintln(os.Stderr, "init runs as PID 1; init -print shows what it does. The command is proa.")
		os.Exit(2)
	}
	os.Exit(cli.Main(cli.Env{Out: os.Stdout, Err: os.Stderr, Version: version, Kubernetes: kubernetes}, os.Args[1:]))
}
