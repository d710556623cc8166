package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/pin/debian"
	"github.com/proa-os/proa/build/relock"
)

// pair is two releases that differ by a change. The older one is this commit, unless back says otherwise.
type pair struct {
	name, what string
	changes    []change
	back       change  // what the older release has instead; nil: it is this commit
	of         float64 // greatest part of a full fetch that the patch may be; 0: no target
	ofZstd     float64 // greatest part of zstd --patch-from over the changed files
}

// change changes a work tree.
type change func(ctx context.Context, dir string) error

var errNothingNewer = errors.New("the mirror has nothing newer")

// pairs are those of the benchmark, the last one all of them together.
var pairs = []pair{
	{name: "commit", what: "the same tree, another version", changes: []change{commitOnly}, of: 0.001},
	{name: "overlay", what: "a line in a file of overlay/", changes: []change{overlayLine}, of: 0.001},
	{name: "init", what: "a line in init/main.go", changes: []change{initLine}, of: 0.003},
	{name: "k3sline", what: "a line in k3s", changes: []change{k3sLine}, of: 0.006},
	{name: "dependency", what: "kine v0.17.4 → v0.17.5", back: olderKine, changes: []change{commitOnly}, ofZstd: 0.6},
	{name: "debian", what: "newer packages of the root", changes: []change{newerRoot}},
	{name: "kernel", what: "newer kernel package", changes: []change{newerKernel}, of: 0.11},
	{name: "month", what: "all of these", back: olderKine, changes: []change{overlayLine, initLine, k3sLine, newerRoot, newerKernel}, of: 0.16},
}

func commitOnly(context.Context, string) error { return nil }

func overlayLine(_ context.Context, dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "overlay/rootfs/etc/profile"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("export PROA_BENCH=1\n")
	return errors.Join(err, f.Close())
}

func initLine(_ context.Context, dir string) error {
	return replace(filepath.Join(dir, "init/main.go"), "func main() {\n", "func main() {\n\tif len(os.Args) > 99 {\n\t\tprintln(\"more arguments than anybody needs\")\n\t}\n")
}

func k3sLine(_ context.Context, dir string) error {
	return replace(filepath.Join(dir, "k3s/main.go"), "func main() {\n", "func main() {\n\tif len(os.Args) > 999 {\n\t\tprintln(\"more arguments than anybody needs\")\n\t}\n")
}

// olderKine takes the datastore of the patch release before.
func olderKine(ctx context.Context, dir string) error {
	return command(ctx, dir, "go", "get", "github.com/k3s-io/kine@v0.17.4")
}

func newerRoot(ctx context.Context, dir string) error {
	return newer(ctx, dir, debian.Root("amd64"))
}

func newerKernel(ctx context.Context, dir string) error {
	return newer(ctx, dir, debian.Kernel("amd64", "linux-image-amd64", ""))
}

// newer takes the newest packages of a set into the lock, as proa lock does for all of them.
func newer(ctx context.Context, dir string, set pin.Set) error {
	file := filepath.Join(dir, "build/pin/debian.lock")
	l, err := pin.Load(file)
	if err != nil {
		return err
	}
	apt, err := os.MkdirTemp("", "proa-delta-apt-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(apt)
	found, err := relock.Resolve(ctx, apt, []pin.Set{set}, os.Stderr)
	if err != nil {
		return err
	}
	next := pin.Lock{Date: l.Date, Sets: map[string][]pin.Package{}}
	for id, list := range l.Sets {
		next.Sets[id] = list
	}
	next.Sets[set.ID()] = found[set.ID()]
	changed := relock.Changes(l, next)
	if len(changed) == 0 {
		return fmt.Errorf("%s: %w", set.ID(), errNothingNewer)
	}
	fmt.Fprintln(os.Stderr, strings.Join(changed, "\n"))
	return next.Save(file)
}

func replace(file, old, new string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if strings.Count(string(b), old) != 1 {
		return fmt.Errorf("%s: there is not one %q", file, old)
	}
	return os.WriteFile(file, []byte(strings.Replace(string(b), old, new, 1)), 0o644)
}

func command(ctx context.Context, dir string, argv ...string) error {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Dir, c.Stdout, c.Stderr = dir, os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return nil
}
