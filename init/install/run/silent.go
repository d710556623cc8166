package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/datasource"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/install/medium"
	"github.com/proa-os/proa/init/install/target"
)

// networkWait is how long a silent installation waits for what it needs from the network.
const networkWait = 5 * time.Minute

// Silent installs as the configuration says, and restarts the machine or switches it off. An error leaves the live
// system running.
func (e Env) Silent(ctx context.Context, c *config.Config) error {
	m, err := medium.Open(e.MediumDir)
	if err != nil {
		return err
	}
	list, err := e.disks(m.Kit.Spec)
	if err != nil {
		return err
	}
	choice := Choice{Medium: m}
	if choice.Disk, err = target.Choose(list, c.Install.Device); err == nil {
		err = allowed(m, choice.Disk, c.Install.Force)
	}
	if errors.Is(err, errInstalled) {
		fmt.Fprintln(e.Out, err)
		return nil
	}
	tell := func(event, why string) {
		e.tell(ctx, c, report{Event: event, Device: choice.Disk.Path, Version: m.Kit.Version, Error: why})
	}
	if err == nil {
		tell("started", "")
		err = e.silent(ctx, c, choice)
	}
	if err != nil {
		tell("failed", err.Error())
		return err
	}
	tell("done", "")
	return e.End(c.Install.PowerOff)
}

func (e Env) silent(ctx context.Context, c *config.Config, choice Choice) (err error) {
	choice.Keep = choice.Disk.Keeps && c.Install.Data != "replace"
	if c.Install.ConfigURL != "" {
		choice.Config, err = e.fetchConfig(ctx, c)
	} else {
		choice.Config, err = e.mediumConfig()
	}
	if err != nil {
		return err
	}
	if err := e.check(choice); err != nil {
		return err
	}
	fmt.Fprintf(e.Out, "installing proa %s on %s\n", choice.Medium.Kit.Version, choice.Disk)
	return e.install(ctx, choice)
}

var errInstalled = errors.New("the system of this medium is on the disk already; to install it again: proa install --force")

// allowed says why nobody permitted to overwrite a disk.
func allowed(m medium.Medium, d target.Disk, force bool) error {
	if text, err := m.Manifest(); err == nil && d.Manifest != nil && bytes.Equal(text, d.Manifest) {
		return fmt.Errorf("%s: %w", d.Path, errInstalled)
	}
	if d.Used && !force {
		return fmt.Errorf("%s has something on it (%s); install.force overwrites it", d.Path, d.Has)
	}
	return nil
}

// fetchConfig asks until there is an answer. One with problems is used, as the installed system does; one without anything
// to understand, as the page of a captive portal is, would leave a machine that nobody can reach.
func (e Env) fetchConfig(ctx context.Context, c *config.Config) ([]byte, error) {
	a, err := e.ask(ctx, fetch.Request{URL: c.Install.ConfigURL, CAs: c.CACerts})
	if err != nil {
		return nil, fmt.Errorf("install.config_url: %w", err)
	}
	if !datasource.Says(layout.ConfigFile, a.Body) {
		return nil, errors.New("install.config_url: the answer has nothing that can be understood as a configuration")
	}
	return without(a.Body), nil
}

func (e Env) ask(ctx context.Context, r fetch.Request) (a fetch.Answer, err error) {
	b := fetch.Backoff{First: time.Second, Last: 30 * time.Second}
	for end := time.Now().Add(networkWait); ; {
		if e.Address() {
			var status *fetch.StatusError
			a, err = e.Fetch(ctx, r)
			if err == nil || errors.As(err, &status) && status.Code < 500 {
				return a, err
			}
		} else {
			err = errors.New("there is no network address")
		}
		if time.Now().After(end) || !fetch.Sleep(ctx, b.Next()) {
			return a, err
		}
	}
}

// report is what a webhook gets.
type report struct {
	Event   string `json:"event"`
	Device  string `json:"device"`
	Version string `json:"version"`
	Error   string `json:"error,omitempty"`
}

// tell calls the webhook once. That it fails changes nothing.
func (e Env) tell(ctx context.Context, c *config.Config, r report) {
	if c.Install.Webhook == "" {
		return
	}
	body, err := json.Marshal(r)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, err = e.ask(ctx, fetch.Request{Method: "POST", URL: c.Install.Webhook, Body: body, Timeout: 10 * time.Second, CAs: c.CACerts,
			Header: map[string]string{"Content-Type": "application/json"}})
	}
	if err != nil {
		fmt.Fprintf(e.Out, "install.webhook: %v\n", err)
	}
}
