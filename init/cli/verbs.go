package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/images/releasefile"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/status"
	"golang.org/x/sys/unix"
)

func (e Env) status() (s status.Status, err error) {
	b, err := e.read(status.File)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

func statusVerb(e Env, args []string) error {
	fs := flags(e, "status")
	asJSON := fs.Bool("json", false, "print the whole document")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := noArgs(fs.Args()); err != nil {
		return err
	}
	s, err := e.status()
	if err != nil {
		return err
	}
	if *asJSON {
		enc := json.NewEncoder(e.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	_, err = io.WriteString(e.Out, s.Text())
	return err
}

func versionVerb(e Env, args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "proa %s\nkubernetes %s\n", e.Version, e.Kubernetes)
	return nil
}

func logsVerb(e Env, args []string) error {
	fs := flags(e, "logs")
	follow := fs.Bool("f", false, "follow: print what is written to it from now on too")
	names, err := parsed(fs, args)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("no service named; usage: proa logs NAME [-f]; there are logs of: %s", strings.Join(e.logNames(), ", "))
	}
	name := names[0]
	if err := noArgs(names[1:]); err != nil {
		return err
	}
	if filepath.Base(name) != name {
		return noArgs(names)
	}
	path := filepath.Join(e.Root, boot.LogDir, name+".log")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no log of a service %q; there are logs of: %s", name, strings.Join(e.logNames(), ", "))
	}
	if err != nil {
		return err
	}
	return tail(e.Out, f, path, *follow)
}

func (e Env) logNames() (out []string) {
	files, _ := filepath.Glob(filepath.Join(e.Root, boot.LogDir, "*.log"))
	for _, f := range files {
		out = append(out, strings.TrimSuffix(filepath.Base(f), ".log"))
	}
	return out
}

// tail copies to the end of the file, and with follow continues; a rotated file is reopened.
func tail(out io.Writer, f *os.File, path string, follow bool) error {
	for {
		if _, err := io.Copy(out, f); err != nil || !follow {
			f.Close()
			return err
		}
		time.Sleep(250 * time.Millisecond)
		mine, err1 := f.Stat()
		now, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && !os.SameFile(mine, now) {
			io.Copy(out, f)
			f.Close()
			if f, err1 = os.Open(path); err1 != nil {
				return err1
			}
		}
	}
}

func rebootVerb(e Env, args []string) error { return signalInit(args, unix.SIGTERM) }

func poweroffVerb(e Env, args []string) error { return signalInit(args, unix.SIGUSR2) }

func signalInit(args []string, s unix.Signal) error {
	if err := noArgs(args); err != nil {
		return err
	}
	return unix.Kill(1, s)
}

func ntpVerb(e Env, args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	logf := func(format string, a ...any) {
		fmt.Fprintf(e.Out, time.Now().UTC().Format(time.RFC3339)+" "+format+"\n", a...)
	}
	f := clock.Follower{Servers: e.ntpServers, Built: releasefile.Built(e.Root), Correct: func(d time.Duration) error { return clock.Correct(e.Sys, d) }, Say: e.sayClock, Logf: logf}
	var state clock.State
	if b, err := e.read(clock.StateFile); err == nil {
		_ = json.Unmarshal(b, &state) // from boot, or from an earlier run
	}
	return f.Follow(ctx, state)
}

// ntpServers returns the servers that PID 1 has written.
func (e Env) ntpServers() []string {
	if b, err := e.read(boot.NTPServers); err == nil {
		return strings.Fields(string(b))
	}
	return clock.DefaultServers()
}

func (e Env) sayClock(s clock.State) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return atomicfile.Write(e.Root+clock.StateFile, append(b, '\n'), 0o644)
}
