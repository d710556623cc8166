// Package boot is what happens from the first instruction of PID 1 until the services start: three lists of steps
// in sequence.go, and the steps. It starts no service and marks no slot; it refuses to choose between machines, that is the boot entry's and config's business.
package boot

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/config"
	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/cmdline"
	"github.com/proa-os/proa/init/firewall"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/step"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/watchdog"
	"golang.org/x/sys/unix"
)

// Paths that more than one package of init uses.
const (
	RunDir   = "/run/proa"
	DataDir  = "/run/proa/data"
	StateDir = "/var/lib/proa"
	LogDir   = "/var/log/proa"
	Timeline = RunDir + "/timeline.json"
	// ClockFile holds when this machine last ran.
	ClockFile = StateDir + "/clock"
	// NTPServers is where PID 1 leaves the servers to ask.
	NTPServers = RunDir + "/ntp-servers"
	handover   = RunDir + "/stage1.json"
)

// Machine carries what boot has learnt from step to step.
type Machine struct {
	Sys  sys.Sys
	Root string // prefix of everything that is read; "" on a machine
	Logf func(string, ...any)
	// Flush waits for the console before the process is replaced. nil: nothing to wait for.
	Flush func()

	// Guard watches the steps. nil: nobody does.
	Guard *watchdog.Guard
	// Box records a trial. nil: there is none, or it cannot be written.
	Box *blackbox.Recorder
	// Reports tell of earlier trials.
	Reports []box.Report

	Line    cmdline.Line
	Modules *modules.Index
	Found   Found

	Config   *config.Config
	Problems []config.Problem
	InForce  inforce.Held // what readConfig left for others to read
	Hostname string
	DataErr  error // why data is in memory though the machine has a disk
	Net      *netup.Manager
	Filter   *firewall.Filter
	Ctx      context.Context // ends when the machine goes down

	timeline []step.Result // of the list that runs
}

// Found is what stage 1 tells stage 2.
type Found struct {
	Disk   string `json:"disk,omitempty"`   // vda
	Part   string `json:"part,omitempty"`   // vda3
	Medium string `json:"medium,omitempty"` // live: the device that holds the ISO file system
	Root   string `json:"root,omitempty"`   // /dev/dm-0

	Trial Trial           `json:"trial"`
	Box   *blackbox.Place `json:"box,omitempty"` // known if the slot is on trial
}

// Path is where to read p.
func (m *Machine) Path(p string) string { return filepath.Join(m.Root, p) }

// OnDisk tells the two modes apart.
func (m *Machine) OnDisk() bool { return m.Line.Mode == "disk" }

// SinceKernel is the time since the kernel started.
func SinceKernel() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // cannot fail with this clock
	return time.Duration(ts.Nano())
}

// Run works through one list, reports each step and adds it to the timeline.
func Run(ctx context.Context, name string, steps []Step, m *Machine) ([]step.Result, error) {
	list := rows(steps)
	m.timeline = nil
	r := step.Runner{List: name, Clock: SinceKernel, Sleep: time.Sleep, Begin: func(row string, limit time.Duration) {
		m.Guard.Begin(name+" "+row, limit)
		m.Box.Begin(name + " " + row)
	}, Report: func(res step.Result) {
		m.timeline = append(m.timeline, res)
		m.Logf("%s", res)
		for _, u := range res.User {
			m.Problems = append(m.Problems, config.Problem{File: inforce.ConfigFile, Message: res.Name + ": " + u})
		}
		if res.Failed() {
			m.Box.Failed(name+" "+res.Name, res.Error)
		}
	}}
	return step.Run(ctx, r, list, m)
}

// SaveTimeline appends to what an earlier stage has written. A machine without its timeline works.
func (m *Machine) SaveTimeline() {
	var all []step.Result
	_ = readJSON(m.Path(Timeline), &all)
	_ = m.writeJSON(Timeline, append(all, m.timeline...))
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func (m *Machine) writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return m.Sys.WriteFile(path, append(b, '\n'), 0o600) // errors may repeat what the document says
}
