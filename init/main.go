// Command init is the device binary: PID 1 in the initramfs and on the root, and the proa command. It selects by its
// PID and its name. It refuses to be PID 1 of anything but a proa system.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/cli"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/pid1"
	"github.com/proa-os/proa/init/shutdown"
)

// releaseFile has the version of proa. It is read at run time and not linked in, so that a commit changes the root
// image but not the programs; the initramfs does not have it.
const releaseFile = "/usr/share/proa/release.json"

type release struct{ Version, Kubernetes string }

// readRelease returns "unknown" if the file cannot be read: an unknown version must not prevent a boot.
func readRelease(file string) release {
	r := release{"unknown", "unknown"}
	if b, err := os.ReadFile(file); err == nil {
		_ = json.Unmarshal(b, &r)
	}
	return r
}

func main() {
	r := readRelease(releaseFile)
	if os.Getpid() == 1 {
		pid1.Main(r.Version) // never returns
	}
	if len(os.Args) > 1 && (os.Args[1] == "-print" || os.Args[1] == "--print") {
		fmt.Print(boot.Print() + "\n" + health.Print() + "\n" + shutdown.Print())
		return
	}
	if filepath.Base(os.Args[0]) == "modprobe" {
		os.Exit(boot.ModprobeMain(os.Args[1:]))
	}
	if filepath.Base(os.Args[0]) == "init" {
		fmt.Fprintln(os.Stderr, "init runs as PID 1; init -print shows what it does. The command is proa.")
		os.Exit(2)
	}
	os.Exit(cli.Main(cli.Env{Out: os.Stdout, Err: os.Stderr, Version: r.Version, Kubernetes: r.Kubernetes}, os.Args[1:]))
}
