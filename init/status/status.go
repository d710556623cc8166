// Package status is the machine's status: the file that `proa status` prints, and lines for the console. PID 1 collects
// the values.
package status

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/command"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/supervise"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/init/usermount"
)

// File is the path of the status file.
const File = "/run/proa/status.json"

// Status is the document.
type Status struct {
	Version        string            `json:"version"`
	Hostname       string            `json:"hostname"`
	Board          string            `json:"board,omitempty"`
	Mode           string            `json:"mode"`
	Slot           string            `json:"slot,omitempty"`
	Trial          bool              `json:"trial"`
	Tries          int               `json:"tries_left"`
	Fallback       string            `json:"fallback,omitempty"`  // SLOT:TRIES of a trial that failed before this boot
	BlackBox       []blackbox.Report `json:"black_box,omitempty"` // reports of failed trials, until their slots are written again
	SoftSwap       string            `json:"soft_swap,omitempty"` // how the slot came to run, if not by a boot
	Health         string            `json:"health,omitempty"`    // why the slot is not good, or not yet
	SlotError      string            `json:"slot_error,omitempty"`
	Signatures     string            `json:"signatures,omitempty"` // a warning, if the keys of slots do not protect this machine
	Good           bool              `json:"good"`                 // this boot has marked its slot good, or the slot was good before
	Clock          clock.State       `json:"clock"`
	DefaultRoute   bool              `json:"default_route"`
	IPv4Route      bool              `json:"ipv4_route"` // a default route of IPv4
	Addresses      []netup.Address   `json:"addresses"`
	ConfigProblems []config.Problem  `json:"config_problems"`
	ConfigTrial    string            `json:"config_trial,omitempty"` // until when a change waits for confirmation
	FailedSteps    []string          `json:"failed_steps"`
	Services       []supervise.State `json:"services"`
	Commands       []command.State   `json:"commands,omitempty"` // the user's
	Mounts         []usermount.State `json:"mounts,omitempty"`   // the user's
	K3s            string            `json:"k3s"`
	NodeReady      bool              `json:"node_ready"`
	NodeName       string            `json:"node_name,omitempty"`
	NodeIP         string            `json:"node_ip,omitempty"`
	ClusterUpgrade string            `json:"cluster_upgrade,omitempty"` // what the cluster asks this machine to upgrade to
	Problems       []string          `json:"problems,omitempty"`        // problems of a node that works otherwise
}

// Write replaces the file. It is readable by root only, because it shows what runs and what is wrong.
func Write(door sys.Sys, s Status) error { return write(door, File, s) }

func write(door sys.Sys, file string, s Status) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return door.WriteFile(file, append(b, '\n'), 0o600)
}

// Read returns what PID 1 wrote last.
func Read() (s Status, err error) {
	b, err := os.ReadFile(File)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(b, &s)
}

// Addrs returns the addresses for the console.
func (s Status) Addrs() string {
	var out []string
	for _, a := range s.Addresses {
		out = append(out, a.Interface+"="+a.Address)
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ",")
}

// Text returns the status for users.
func (s Status) Text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		b.WriteString(row(name, fmt.Sprintf(format, args...)))
	}
	line("version", "%s", s.Version)
	line("host", "%s", s.Hostname)
	slot := "mode " + s.Mode
	if s.Slot != "" {
		slot = fmt.Sprintf("slot %s, mode %s, %s", s.Slot, s.Mode, trial(s))
	}
	line("system", "%s", slot)
	if s.SoftSwap != "" {
		line("running", "%s", s.SoftSwap)
	}
	if s.Health != "" {
		line("health", "%s", s.Health)
	}
	if s.Signatures != "" {
		line("signatures", "%s", s.Signatures)
	}
	for _, r := range s.BlackBox {
		line(word(r), "%s", r)
		for _, l := range r.Lines() {
			line("", "%s", l)
		}
	}
	line("addresses", "%s", s.Addrs())
	if s.Clock.Source != "" {
		line("clock", "%s", s.Clock.Text())
	}
	line("k3s", "%s", s.K3s)
	if s.NodeName != "" {
		line("node", "%s", strings.TrimSpace(s.NodeName+" "+s.NodeIP))
	}
	if s.ClusterUpgrade != "" {
		line("upgrade", "%s", s.ClusterUpgrade)
	}
	if s.ConfigTrial != "" {
		line("CONFIRM", "%s", s.ConfigTrial)
	}
	for _, p := range s.Problems {
		line("PROBLEM", "%s", p)
	}
	for _, v := range s.Services {
		line("service", "%s", v)
	}
	for _, m := range s.Mounts {
		line("mount", "%s", m)
	}
	for _, c := range s.Commands {
		line("commands", "%s", c)
	}
	for _, f := range s.FailedSteps {
		line("FAILED", "%s", f)
	}
	for _, p := range s.ConfigProblems {
		line("CONFIG", "%s", p)
	}
	return b.String()
}

// word returns the label in capitals, for reports that users must see.
func word(r blackbox.Report) string {
	if r.GivenUp {
		return "FALLBACK"
	}
	return "TRIAL"
}

func trial(s Status) string {
	switch {
	case s.SlotError != "":
		return "boot state: " + s.SlotError
	case s.Trial:
		return fmt.Sprintf("on trial, %d tries left", s.Tries)
	}
	return "good"
}
