package cli

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/supervise"
)

// noTrial is an error while a change waits for confirmation: what it would be taken back to must stay as it is.
func (e Env) noTrial() error {
	t, err := confirm.Load(filepath.Join(e.Root, filepath.Dir(inforce.ConfigFile)))
	if err == nil && t != nil {
		err = errors.New("an earlier change waits for confirmation: proa config confirm keeps it, proa config revert takes it back")
	}
	return err
}

// try puts a text on trial.
func (e Env) try(text []byte, within time.Duration) error {
	signal.Ignore(unix.SIGPIPE, unix.SIGHUP) // a broken connection must not interrupt this
	lock, err := e.lock()
	if err != nil {
		return e.reject(text, err)
	}
	defer lock.Close()
	p, err := e.place()
	if err == nil {
		err = e.noTrial()
	}
	if err == nil {
		err = confirm.Save(p, confirm.New(text, within, e.holds(), time.Now()))
	}
	if err != nil {
		return e.reject(text, err)
	}
	fmt.Fprintf(e.Out, "on trial: unless proa config confirm is run within %s, the old configuration returns\n", within)
	_ = os.Remove(e.Root + rejectedFile) // usually does not exist
	if err := e.ask(control.Request{Verb: "reload"}); err != nil {
		return fmt.Errorf("on trial, but not in force: %w; it takes effect with proa reboot", err)
	}
	return nil
}

// holds returns what works now, as PID 1 has written it; what is not known is not asked for later.
func (e Env) holds() (h confirm.Holds) {
	s, err := e.status()
	if err != nil {
		return h
	}
	h.Route, h.IPv4Route, h.Ready = s.DefaultRoute, s.IPv4Route, s.NodeReady
	h.SSH = slices.ContainsFunc(s.Services, func(v supervise.State) bool { return v.Name == "ssh" && v.State == "ready" })
	return h
}

func confirmVerb(e Env, args []string) error { return e.trialVerb("confirm", args) }

func revertVerb(e Env, args []string) error { return e.trialVerb("revert", args) }

func (e Env) trialVerb(name string, args []string) error {
	if err := noArgs(args); err != nil {
		return err
	}
	return e.ask(control.Request{Verb: name})
}
