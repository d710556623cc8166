// Package boot has everything from the start of PID 1 until the services start: three lists of steps in sequence.go,
// and the steps. It starts no services and marks no slot good. Which disk and slot to boot is decided by the boot entry
// and the configuration.
package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/images"
	box "github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/cmdline"
	"github.com/proa-os/proa/init/blackbox"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/command"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/firewall"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/metadata"
	"github.com/proa-os/proa/init/modules"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/remotekeys"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/softswap/handed"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/timeline"
	"github.com/proa-os/proa/init/usermount"
	"github.com/proa-os/proa/init/watchdog"
	"golang.org/x/sys/unix"
)

// Paths used by more than one package of init.
const (
	RunDir   = "/run/proa"
	DataDir  = "/run/proa/data"
	StateDir = "/var/lib/proa"
	LogDir   = "/var/log/proa"
	// ClockFile has the time when this machine last ran.
	ClockFile = StateDir + "/clock"
	// NTPServers is the file in which PID 1 writes the servers to query.
	NTPServers = RunDir + "/ntp-servers"
	// Handover is what stage 1, or a soft swap, leaves for stage 2.
	Handover = RunDir + "/stage1.json"
)

// Machine has the state that is passed from step to step.
type Machine struct {
	Sys  sys.Sys
	Root string // prefix of all paths that are read; "" except in tests
	Logf func(string, ...any)
	// Flush waits for the console before the process is replaced. nil: nothing to wait for.
	Flush func()

	// Guard is the watchdog guard. nil: none.
	Guard *watchdog.Guard
	// Box records a trial. nil: no trial, or the black box cannot be written.
	Box     *blackbox.Recorder
	LastEnd func()       // looks how the last boot ended, once there are state and clock; nil: nobody does
	Reports []box.Report // of earlier trials

	Line    cmdline.Line
	Trust   slottrust.Trust // which slots this machine runs
	Modules *modules.Index
	Found   Found

	Config   *config.Config
	Problems []config.Problem
	InForce  inforce.Held // for other programs, see init/inforce
	// Place replaces DocumentPlace in tests.
	Place    func() (bootfile.Place, error)
	Hostname string
	DataErr  error // why data is in memory although the machine has a disk
	Net      *netup.Manager
	Filter   *firewall.Filter
	Mounts   *usermount.Mounter
	Jobs     *command.Jobs // runs the user's commands; nil in tests and for commands beside PID 1
	Keys     *remotekeys.Keeper
	Fetch    fetch.Run       // how HTTP servers are asked
	Ctx      context.Context // ends when the machine shuts down

	timeline []step.Result // of the running list
	remote   *metadata.Keeper
}

// Found is what stage 1 passes to stage 2.
type Found struct {
	Disk   string `json:"disk,omitempty"`   // vda
	Part   string `json:"part,omitempty"`   // vda3
	Medium string `json:"medium,omitempty"` // live: the device with the ISO file system
	Root   string `json:"root,omitempty"`   // /dev/dm-0

	Trial Trial           `json:"trial"`
	Swap  *handed.Swap    `json:"swap,omitempty"` // instead of stage 1
	Box   *blackbox.Place `json:"box,omitempty"`  // set if the slot is on trial
}

// Path returns the path to read p from.
func (m *Machine) Path(p string) string { return filepath.Join(m.Root, p) }

// OnDisk says whether the mode is disk and not live.
func (m *Machine) OnDisk() bool { return m.Line.Mode == images.OnDisk }

// SinceKernel returns the time since the kernel started.
func SinceKernel() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // cannot fail for this clock
	return time.Duration(ts.Nano())
}

// Run runs one list, reports each step and adds it to the timeline. The limits are enforced by the watchdog guard, and
// only while a restart would help.
func Run(ctx context.Context, name string, list []Step, m *Machine) ([]step.Result, error) {
	m.timeline = nil
	results, err := step.Run(ctx, step.Runner{List: name, Clock: SinceKernel, Begin: func(row string, limit time.Duration) {
		m.Guard.Begin(name+" "+row, limit)
		m.Box.Begin(name + " " + row)
	}, Report: m.report}, list, m)
	if err != nil {
		err = fmt.Errorf("boot: %w", err)
	}
	return results, err
}

// report is called after each step of the boot.
func (m *Machine) report(res step.Result) {
	m.timeline = append(m.timeline, res)
	m.Logf("boot %s", res)
	for _, u := range res.User {
		m.Problems = append(m.Problems, config.Problem{File: inforce.ConfigFile, Message: res.Name + ": " + u})
	}
	if res.Failed() {
		m.Box.Failed(res.List+" "+res.Name, res.Error)
	}
}

// SaveTimeline saves the timeline of the running list. The machine works without it, so an error is only reported.
func (m *Machine) SaveTimeline() {
	if err := timeline.Save(m.Sys, m.timeline); err != nil {
		m.Logf("timeline: %v", err)
	}
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
	return m.Sys.WriteFile(path, append(b, '\n'), 0o600) // 0600: errors may quote the configuration
}
