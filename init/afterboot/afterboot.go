// Package afterboot is what happens beside the services once they were started: the user's commands, final_message, and at
// the first boot phone_home and power. It never keeps the machine from coming up: what cannot be done is a problem of the
// configuration.
package afterboot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/proa-os/proa/config"
	panics "github.com/proa-os/proa/config/guard"
	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/command"
	"github.com/proa-os/proa/init/environ"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/firstboot"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/phonehome"
	"github.com/proa-os/proa/init/service"
	"github.com/proa-os/proa/init/shutdown"
)

// addressWait is how long the user's commands wait for an address before they start without one.
const addressWait = 60 * time.Second

// After does it, for one boot.
type After struct {
	m       *boot.Machine
	say     func(format string, args ...any)
	problem func(config.Problem)
	end     func(why string, how shutdown.End)
	served  func() bool // says whether there is an address
	minute  time.Duration
	book    *firstboot.Book
	bookErr error
}

// New returns it for a machine. say prints on the console, problem reports a key that could not be done, and end shuts the
// machine down.
func New(m *boot.Machine, say func(string, ...any), problem func(config.Problem), end func(why string, how shutdown.End)) *After {
	a := &After{m: m, say: say, problem: problem, end: end, served: netup.Served, minute: time.Minute}
	if a.bookErr = m.DataErr; a.bookErr == nil {
		a.book, a.bookErr = firstboot.Open(m.Root, m.Sys.WriteFile)
	}
	return a
}

// lists returns first_run_cmd and run_cmd.
func (a *After) lists() (first, each command.List) {
	c := a.m.Config
	first = command.List{Key: "first_run_cmd", Log: "first-run-cmd", Commands: c.FirstRunCmd, Env: environ.Commands(c)}
	if a.book != nil {
		first.Skip = func(i int) bool { return a.book.Ran(c.FirstRunCmd, i) }
		first.Done = func(i int) error { return a.book.SetRan(c.FirstRunCmd, i) }
	}
	return first, command.List{Key: "run_cmd", Log: "run-cmd", Commands: c.RunCmd, Env: environ.Commands(c)}
}

// Start returns at once.
func (a *After) Start(ctx context.Context) {
	first, each := a.lists()
	for _, l := range []command.List{first, each} {
		if len(l.Commands) > 0 {
			a.m.Jobs.Wait(l)
		}
	}
	go func() {
		if err := panics.Call(func() error { a.run(ctx, first, each); return nil }); err != nil {
			a.say("commands: %v", err)
		}
	}()
}

func (a *After) run(ctx context.Context, first, each command.List) {
	if !a.address(ctx) {
		return
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		if err := panics.Call(func() error { a.phoneHome(ctx); return nil }); err != nil {
			a.say("phone_home: %v", err)
		}
	}()
	if len(first.Commands) > 0 {
		a.first(ctx, first)
	}
	if len(each.Commands) > 0 {
		a.m.Jobs.Run(ctx, each)
	}
	<-told
	a.power(ctx)
}

// phoneHome tells the server once in the life of the machine; if that fails it is not tried at later boots. A boot that is
// cut short does not count.
func (a *After) phoneHome(ctx context.Context) {
	p := a.m.Config.PhoneHome
	if p == nil && a.bookErr != nil || a.book != nil && a.book.PhonedHome() {
		return
	}
	err := a.bookErr
	if err == nil && p != nil {
		caller := phonehome.Caller{Client: fetch.Client{Run: a.m.Fetch, Environment: a.m.Config.Environment}, CAs: a.m.Config.CACerts, Logf: a.say}
		if err = caller.Call(ctx, *p, a.facts(ctx)); ctx.Err() != nil {
			return
		}
	}
	if a.bookErr == nil {
		err = errors.Join(err, a.book.SetPhonedHome())
	}
	if err != nil {
		a.report("phone_home", err)
	}
}

// facts are what the machine tells. Without an SSH server it has no host key.
func (a *After) facts(ctx context.Context) phonehome.Facts {
	f := phonehome.Facts{Hostname: a.m.Hostname}
	if s := a.m.Config.Network.Search; len(s) > 0 {
		f.Domain = s[0]
	}
	id, _ := os.ReadFile(a.m.Path("/etc/machine-id")) // identity has reported why it is not there
	f.InstanceID = strings.TrimSpace(string(id))
	if out, err := a.m.Sys.Run(ctx, "dropbearkey", "-y", "-f", service.HostKey); err == nil {
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "ssh-") {
				f.Keys = append(f.Keys, strings.TrimSpace(line))
			}
		}
	}
	return f
}

// address waits for an address; false: the machine shuts down.
func (a *After) address(ctx context.Context) bool {
	for end := time.Now().Add(addressWait); !a.served() && time.Now().Before(end); {
		if !sleep(ctx, 200*time.Millisecond) {
			return false
		}
	}
	return ctx.Err() == nil
}

func (a *After) first(ctx context.Context, l command.List) {
	if a.bookErr != nil {
		a.report(l.Key, fmt.Errorf("not run: %w", a.bookErr))
		a.m.Jobs.Refuse(l, a.bookErr.Error())
		return
	}
	a.m.Jobs.Run(ctx, l)
}

// report tells the user of a key that could not be done.
func (a *After) report(key string, err error) {
	a.say("%s: %v", key, err)
	a.problem(a.m.InForce.Origin.Of(key).Problem("%s: %v", key, err))
}

// power ends the first boot as the configuration says. It is recorded before the machine goes down, so that it happens
// once; at a first boot without it, it is recorded as well. A live system cannot record anything.
func (a *After) power(ctx context.Context) {
	p := a.m.Config.Power
	if p.Action == "" && a.bookErr != nil || a.book != nil && a.book.Powered() {
		return
	}
	err := a.bookErr
	if p.Action == "reboot" && !a.m.OnDisk() {
		err = errors.New("not done: a live system, which keeps nothing, would restart for ever")
	}
	if err == nil && p.Action != "" {
		a.say("power: %s in %d minutes, as configured for the first boot", p.Action, p.Delay)
		if !sleep(ctx, time.Duration(p.Delay)*a.minute) || a.m.Jobs.Stopped() {
			return
		}
	}
	if err == nil {
		err = a.book.SetPowered()
	}
	if err != nil {
		a.report("power", err)
		return
	}
	a.act(p)
}

func (a *After) act(p config.Power) {
	how := map[string]shutdown.End{"reboot": shutdown.Reboot, "poweroff": shutdown.PowerOff}[p.Action]
	if how == "" {
		return
	}
	if p.Message != "" {
		a.say("%s", p.Message)
	}
	a.end("power: the first boot is done", how)
}

// sleep returns false if the context ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// FinalMessage prints final_message with cloud-init's variables, as $NAME or ${NAME}. version is proa's.
func (a *After) FinalMessage(version string) {
	text := a.m.Config.FinalMessage
	if text == "" {
		return
	}
	a.say("%s", expand(text, map[string]string{
		"UPTIME":     fmt.Sprintf("%.2f", boot.SinceKernel().Seconds()),
		"TIMESTAMP":  time.Now().Format(time.RFC1123Z),
		"DATASOURCE": a.m.InForce.Document,
		"VERSION":    version,
	}))
}

// expand leaves variables that it does not know as they are.
func expand(text string, vars map[string]string) string {
	var pairs []string
	for name, value := range vars {
		pairs = append(pairs, "${"+name+"}", value, "$"+name, value)
		pairs = append(pairs, "${"+strings.ToLower(name)+"}", value, "$"+strings.ToLower(name), value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
