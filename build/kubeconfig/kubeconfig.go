// Package kubeconfig fetches a node's kubeconfig with the user's own ssh, and merges it into the user's file. It treats
// kubeconfigs as YAML. It changes only the entries that it adds, keeps a backup beside the file, and refuses to replace
// the entries of another cluster.
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
	File            string // file to merge into; empty: the one kubectl would use
}

// Help is the verb's.
const Help = `
It asks the node over your ssh, with your keys, your known_hosts and your ~/.ssh/config. The server in the kubeconfig is the node
as ssh reaches it. The kubeconfig gives full access to the cluster.

  proa kubeconfig root@192.0.2.7 > edge-1.kubeconfig
  proa kubeconfig root@192.0.2.7 --merge
  proa kubeconfig edge-1 --merge --context harbour

--merge keeps all other entries of the file, and a backup of it in FILE.before-proa.`

// Flags declares the verb's flags.
func (o *Options) Flags(f *flag.FlagSet) {
	f.BoolVar(&o.Merge, "merge", false, "put it into your kubeconfig: the first file of $KUBECONFIG that exists, else ~/.kube/config")
	f.StringVar(&o.File, "file", "", "with --merge: `file` to put it into")
	f.StringVar(&o.Context, "context", "", "`name` of the context; default: the node's")
	f.StringVar(&o.Server, "server", "", "`address` of the API server from here, if it is not the one that ssh uses: HOST, HOST:PORT")
	f.BoolVar(&o.Force, "force", false, "with --merge: replace a context of that name that belongs to another cluster")
}

// plain matches words that the node's shell need not see quoted.
var plain = regexp.MustCompile(`^[A-Za-z0-9._@:/\[\]-]*$`)

// Run runs the verb; target is ssh's destination, root@ADDRESS.
func Run(ctx context.Context, o Options, target string, out io.Writer) error {
	if strings.HasPrefix(target, "-") {
		return fmt.Errorf("kubeconfig: invalid node %q; want root@ADDRESS", target)
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

// fetch asks the node for its kubeconfig. The server in it is the address that ssh's configuration resolves target to,
// which works from this host.
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

// hostOf returns ssh's HostName for a destination.
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
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &out, os.Stderr // ssh may prompt, and prints its own errors
	switch err := cmd.Run(); {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("no ssh on this machine: install OpenSSH's client")
	case err != nil:
		return nil, fmt.Errorf("ssh %s: %w", strings.Join(args, " "), err)
	}
	return out.Bytes(), nil
}

// file is where kubectl writes: one of $KUBECONFIG, else ~/.kube/config. A symbolic link is
// followed.
func (o Options) file() (string, error) {
	file := o.File
	if file == "" {
		file = firstThere(filepath.SplitList(os.Getenv("KUBECONFIG")))
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

// firstThere is the file of $KUBECONFIG that kubectl writes to: the first that exists, else the last.
func firstThere(files []string) (file string) {
	for _, f := range files {
		if f == "" {
			continue
		}
		if file = f; exists(f) {
			return f
		}
	}
	return file
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// mergeFile returns the name of the added context, and the path of the backup.
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
