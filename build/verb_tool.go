package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/proa-os/proa/build/command"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/pin/debian"
	"github.com/proa-os/proa/build/release"
)

const toolHelp = `
The command finds the programs that verify our images (fsck.fat, sgdisk, veritysetup, xorriso …) before the
host's own in PATH, the flags of build/go.env in GOFLAGS, the compiler in CC, GRUB's files in GRUB_DIR, U-Boot for QEMU's boards in UBOOT_DIR, and QEMU
with its firmware below PROA_TOOLROOT.

  proa tool -- go test ./images/...`

func toolVerb(ctx context.Context, c *call) error {
	if len(c.args) == 0 {
		return usage("tool: no command given")
	}
	s, err := open(ctx, c.opts)
	if err != nil {
		return err
	}
	env, err := s.toolEnv(ctx)
	if err != nil {
		return err
	}
	env = append(env, c.opts.trust.Environ()...) // tests of images sign with the keys that images know
	if err := takePath(env); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(command.Tame(os.Environ()), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s: %w", c.args[0], err)
	}
	return err
}

// takePath sets this process's PATH to the command's, because exec.Command looks the command up there.
func takePath(env []string) error {
	for _, e := range env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			return os.Setenv("PATH", path)
		}
	}
	return nil
}

// toolEnv makes the tool roots and returns the environment variables that point to them.
func (s *session) toolEnv(ctx context.Context) ([]string, error) {
	tools, err := s.toolRoot(ctx, debian.Tools(s.kit.Host))
	if err != nil {
		return nil, err
	}
	oracles, err := s.toolRoot(ctx, debian.Oracles(s.kit.Host))
	if err != nil {
		return nil, err
	}
	emulator, err := s.toolRoot(ctx, debian.Emulator(s.kit.Host))
	if err != nil {
		return nil, err
	}
	env, err := s.kit.GoEnv(ctx)
	if err != nil {
		return nil, err
	}
	loaders, err := s.step(ctx, "boot-loaders")(s.kit.Debs(debian.Boot("amd64")))
	if err != nil {
		return nil, err
	}
	return append(env,
		"PATH="+strings.Join([]string{oracles.Bin(), emulator.Bin(), tools.Bin(), os.Getenv("PATH")}, ":"),
		"GRUB_DIR="+filepath.Join(loaders, "usr/lib/grub/i386-pc"),
		"UBOOT_DIR="+filepath.Join(oracles.Dir, "usr/lib/u-boot"),
		"CC="+tools.CC(pin.Triplet(s.kit.Host)),
		"PROA_TOOLROOT="+emulator.Dir,
	), nil
}

const versionHelp = `
  proa version`

func versionVerb(ctx context.Context, c *call) error {
	repo, err := repository()
	if err != nil {
		return err
	}
	r, err := release.Describe(ctx, repo)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "proa %s (Kubernetes %s)\n", r.Version, r.Kubernetes)
	return nil
}
