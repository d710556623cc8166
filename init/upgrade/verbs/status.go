package verbs

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/claim"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/passed"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// read runs the verbs that change nothing: status and log.
func (e Env) read(verb string, args []string) error {
	fs := flag.NewFlagSet("proa upgrade "+verb, flag.ContinueOnError)
	fs.SetOutput(e.Err)
	asJSON := fs.Bool("json", false, "for programs, with the whole log")
	if err := fs.Parse(args); err != nil {
		return err
	}
	switch {
	case fs.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case *asJSON && verb == "log":
		return e.record()
	case *asJSON:
		return e.report()
	case verb == "log":
		return e.log()
	}
	return e.status()
}

func (e Env) log() error {
	j, err := journal.Read(e.Root + journal.File)
	j.Print(e.Out)
	return errors.Join(err, e.tellSnapshot())
}

// record prints the log for programs.
func (e Env) record() error {
	l, err := nodeupgrade.ReadLog(e.Root + journal.File)
	text, encodeErr := json.MarshalIndent(l, "", " ")
	fmt.Fprintf(e.Out, "%s\n", text)
	return errors.Join(err, encodeErr)
}

// running says what a running engine does; empty: none runs.
func (e Env) running() (string, error) {
	lock, err := claim.Lock(e.Root+claim.LockFile, 0)
	if !errors.Is(err, claim.ErrBusy) {
		if err == nil {
			lock.Close()
		}
		return "", err
	}
	if p, err := upgrade.ReadProgress(e.Root + upgrade.ProgressFile); err == nil {
		return p.Text(time.Now()), nil
	}
	return "the other slot is being written", nil
}

// status says what runs, or how the last upgrade ended.
func (e Env) status() error {
	running, err := e.running()
	if err != nil {
		return err
	}
	if running != "" {
		fmt.Fprintln(e.Out, running)
	}
	if len(e.Config.Upgrade.Source) > 0 {
		fmt.Fprintf(e.Out, "source %s, automatic %s\n", hosts(e.Config.Upgrade.Source), e.Config.Upgrade.Automatic)
	}
	j, err := journal.Read(e.Root + journal.File)
	if n := len(j.Entries); n > 0 {
		fmt.Fprint(e.Out, j.Entries[n-1].Text())
	} else {
		journal.Journal{}.Print(e.Out)
	}
	if is := passed.Read(e.Root + journal.Dir); is != nil && is.Runs == e.version() {
		fmt.Fprintf(e.Out, "%s; found on %s\n", is, is.Since.UTC().Format(time.DateOnly))
	}
	return errors.Join(err, e.tellSnapshot())
}

// version is the one that runs; empty: not known.
func (e Env) version() string {
	m, _, err := e.Find()
	if err != nil {
		return ""
	}
	return m.Version
}

// report prints the same and the whole record for programs, such as proa push.
func (e Env) report() error {
	running, err := e.running()
	if err != nil {
		return err
	}
	var s status.Status
	if text, err := os.ReadFile(e.Root + status.File); err == nil {
		_ = json.Unmarshal(text, &s) // early in a boot there is none
	}
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	l, err := nodeupgrade.ReadLog(e.Root + journal.File)
	text, encodeErr := json.Marshal(nodeupgrade.Report{Boot: strings.TrimSpace(string(boot)), Version: s.Version, Board: s.Board, Slot: s.Slot,
		Trial: s.Trial, Good: s.Good, Health: s.Health, Running: running, Log: l})
	fmt.Fprintf(e.Out, "%s\n", text)
	return errors.Join(err, encodeErr)
}

// hosts shows of URLs only what is no secret.
func hosts(places []string) string {
	var out []string
	for _, p := range places {
		if w, err := transport.NewWeb(nil, p); err == nil {
			p = w.String()
		}
		out = append(out, filepath.Clean(p))
	}
	return strings.Join(out, ", ")
}
