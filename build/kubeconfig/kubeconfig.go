// Package kubeconfig fetches a node's kubeconfig over the user's own ssh, and merges it into the user's file. It knows kubeconfigs as
// YAML only; it changes nothing of the user's file but the entries that it brings, keeps the file as it was beside it, and refuses
// to replace the entries of another cluster.
package kubeconfig

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/proa-os/proa/images/atomicfile"
)

// Options are the verb's.
type Options struct {
	Merge, Force    bool
	Context, Server string
	File            string // to merge into; empty: as kubectl chooses
}

// Help is the verb's.
const Help = `
It asks the node by ssh, as you do: with your keys, your known_hosts and your ~/.ssh/config. The kubeconfig names the node
as ssh reaches it and lets its owner do everything in the cluster.

  proa kubeconfig root@192.0.2.7 > edge-1.kubeconfig
  proa kubeconfig root@192.0.2.7 --merge
  proa kubeconfig edge-1 --merge --context harbour

--merge keeps everything else that is in the file, and the file as it was in FILE.before-proa.`

// Flags declares the verb's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.BoolVar(&o.Merge, "merge", false, "put it into your kubeconfig: the first of $KUBECONFIG, else ~/.kube/config")
	f.StringVar(&o.File, "file", "", "with --merge: `file` to put it into")
	f.StringVar(&o.Context, "context", "", "`name` of the context; default: the node's")
	f.StringVar(&o.Server, "server", "", "`address` of the API server from here, if it is not the one that ssh uses: HOST, HOST:PORT")
	f.BoolVar(&o.Force, "force", false, "with --merge: replace a context of that name that belongs to another cluster")
}

// plain are words that reach the node's shell unquoted.
var plain = regexp.MustCompile(`^[A-Za-z0-9._@:/\[\]-]*$`)

// Run is the verb: target is what ssh is told, root@ADDRESS.
func Run(ctx context.Context, o Options, target string, out io.Writer) error {
	if strings.HasPrefix(target, "-") {
		return fmt.Errorf("kubeconfig: %q is no node; want root@ADDRESS", target)
	}
	text, err := fetch(ctx, o, target)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	if !o.Merge {
		_, err := out.Write(text)
		return err
	}
	file, err := o.file()
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	name, backup, err := mergeFile(file, text, o.Force)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	fmt.Fprintf(out, "%s has the context %s now\n", file, name)
	if backup != "" {
		fmt.Fprintf(out, "as it was: %s\n", backup)
	}
	fmt.Fprintf(out, "\n  kubectl --context %s get nodes\n  kubectl config use-context %[1]s\n", name)
	return nil
}

// fetch asks the node. It names the node as ssh's own configuration resolves it, which is an address that works from here.
func fetch(ctx context.Context, o Options, target string) ([]byte, error) {
	server := o.Server
	if server == "" {
		host, err := hostOf(ctx, target)
		if err != nil {
			return nil, err
		}
		server = host
	}
	args := []string{"kubeconfig", "--server", server}
	if o.Context != "" {
		args = append(args, "--context", o.Context)
	}
	for _, a := range args {
		if !plain.MatchString(a) {
			return nil, fmt.Errorf("%q: want letters, digits and . _ @ : / -", a)
		}
	}
	return ssh(ctx, append([]string{target, "--", "proa"}, args...)...)
}

// hostOf asks ssh what a name stands for in the user's configuration: HostName of a Host.
func hostOf(ctx context.Context, target string) (string, error) {
	text, err := ssh(ctx, "-G", target)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if host, ok := strings.CutPrefix(line, "hostname "); ok {
			return strings.TrimSpace(host), nil
		}
	}
	return "", fmt.Errorf("ssh -G %s names no host; --server says where the API server is", target)
}

func ssh(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "ssh", args...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &out, os.Stderr // ssh may ask, and says itself what is wrong
	switch err := cmd.Run(); {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("no ssh on this machine: install OpenSSH's client")
	case err != nil:
		return nil, fmt.Errorf("ssh %s: %w", strings.Join(args, " "), err)
	}
	return out.Bytes(), nil
}

// file is where kubectl writes: the first of $KUBECONFIG, else ~/.kube/config. A link is followed, for the file behind it is meant.
func (o Options) file() (string, error) {
	file := o.File
	if file == "" {
		file, _, _ = strings.Cut(os.Getenv("KUBECONFIG"), string(os.PathListSeparator))
	}
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		file = filepath.Join(home, ".kube", "config")
	}
	real, err := filepath.EvalSymlinks(file)
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	return real, err
}

// mergeFile returns the name of the context it brought, and where the file is as it was.
func mergeFile(file string, brought []byte, force bool) (name, backup string, err error) {
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	merged, name, err := Merge(old, brought, force)
	if err != nil {
		return "", "", fmt.Errorf("%s: %w", file, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", "", err
	}
	if old != nil && !bytes.Equal(old, merged) {
		backup = file + ".before-proa"
		if err := atomicfile.Write(backup, old, 0o600); err != nil {
			return "", "", err
		}
	}
	_, err = atomicfile.WriteIfChanged(file, merged, 0o600)
	return name, backup, err
}
