package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// trees builds slots from work trees: each a commit on top of this one, so that versions differ as those of releases do.
type trees struct{ dir string }

// slots returns the slot files of a pair; those that are there are not built again.
func (t trees) slots(ctx context.Context, p pair) (old, new string, err error) {
	base := "base"
	var back []change
	if p.back != nil {
		base, back = "older", []change{p.back}
	}
	if old, err = t.slot(ctx, base, back); err != nil {
		return "", "", err
	}
	new, err = t.slot(ctx, p.name, p.changes)
	return old, new, err
}

// slot builds one. It is kept for the commit that it was built from.
func (t trees) slot(ctx context.Context, name string, changes []change) (string, error) {
	head, err := output(ctx, ".", "git", "rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "", err
	}
	file := filepath.Join(t.dir, head+"-"+name+".slot")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	tree, err := filepath.Abs(filepath.Join(t.dir, "tree-"+name))
	if err != nil {
		return "", err
	}
	_ = command(ctx, ".", "git", "worktree", "remove", "--force", tree) // of a run that was stopped
	if err := command(ctx, ".", "git", "worktree", "add", "--detach", tree, "HEAD"); err != nil {
		return "", err
	}
	defer func() { _ = command(context.WithoutCancel(ctx), ".", "git", "worktree", "remove", "--force", tree) }()
	for _, c := range changes {
		if err := c(ctx, tree); err != nil {
			return "", err
		}
	}
	if len(changes) > 0 {
		if err := command(ctx, tree, "git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "--all", "--allow-empty", "-m", name); err != nil {
			return "", err
		}
	}
	if err := command(ctx, tree, "go", "run", "./build", "build", "pc", "slot"); err != nil {
		return "", err
	}
	return file, keep(filepath.Join(tree, "out/pc/proa-pc.slot"), file)
}

// keep copies a file, as a whole or not at all.
func keep(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // it is only read
	out, err := os.Create(to + ".part")
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return os.Rename(to+".part", to)
}

func output(ctx context.Context, dir string, argv ...string) (string, error) {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Dir, c.Stderr = dir, os.Stderr
	b, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(argv, " "), err)
	}
	return strings.TrimSpace(string(b)), err
}
