package pid1

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/proa-os/proa/init/boot"
	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/health"
	"github.com/proa-os/proa/init/netup"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/supervise"
)

// refresh writes the status file if it has changed.
func (k *keeper) refresh() {
	s := k.gather()
	if reflect.DeepEqual(s, k.now) {
		return
	}
	if s.Addrs() != k.now.Addrs() {
		k.con.Logf("status addresses %s", s.Addrs())
	}
	k.now = s
	k.noteNTP()
	if err := status.Write(k.m.Sys, s); err != nil {
		k.con.Logf("status: %v", err)
	}
}

// noteNTP writes the servers to query for `proa ntp`.
func (k *keeper) noteNTP() {
	var servers []string
	if k.m.Net != nil {
		servers = k.m.Net.NTPServers()
	}
	text := strings.Join(clock.Servers(k.conf.ntpServers(), servers), "\n") + "\n"
	if err := k.m.Sys.WriteFile(boot.NTPServers, []byte(text), 0o644); err != nil {
		k.con.Logf("ntp servers: %v", err)
	}
}

func (k *keeper) gather() status.Status {
	s := status.Status{Version: k.version, Hostname: k.m.Hostname, Board: k.m.Line.Board, Mode: k.m.Line.Mode, Slot: string(k.m.Line.Slot), Fallback: k.m.Line.Fallback.String(),
		Good: k.good, Signatures: k.m.Trust.Warning(), SlotError: k.goodErr, SoftSwap: k.m.Found.Swap.String(), BlackBox: k.m.Reports, ConfigProblems: k.conf.problems(), ConfigTrial: k.trial.String(), FailedSteps: health.Texts(k.failed),
		Clock: clock.ReadState(), Addresses: netup.Addresses(), Services: k.sup.States(), Commands: k.m.Jobs.States(), Mounts: k.m.Mounts.States(), K3s: "off by config", ClusterUpgrade: k.upgrade.Text()}
	s.DefaultRoute, s.IPv4Route = netup.DefaultRoutes()
	if k.slots != nil {
		var err error
		if s.Trial, s.Tries, err = k.slots.Trial(); err != nil {
			s.SlotError = err.Error()
		}
	} else if k.m.OnDisk() && k.slotErr != nil {
		s.SlotError = k.slotErr.Error()
	}
	if s.Trial {
		s.Health = k.judged.Text(k.deadline())
	}
	for _, v := range s.Services {
		if v.Name == "k3s" {
			s.K3s, s.NodeReady, s.NodeName, s.NodeIP, s.Problems = k3sLine(v), v.Facts.NodeReady, v.Facts.NodeName, v.Facts.NodeIP, v.Facts.Problems
		}
	}
	s.Problems = append(append(k.m.Remote().Problems(), k.m.Keys.Problems()...), s.Problems...)
	if p := k.full.problem.Load(); p != nil {
		s.Problems = append([]string{*p}, s.Problems...)
	}
	if text := k.day.Text(); text != "" {
		s.Problems = append([]string{text}, s.Problems...)
	}
	if k.damage != "" {
		s.Problems = append([]string{k.damage}, s.Problems...)
	}
	return s
}

// k3sLine returns the runtime's state in one line: its last status, how its last run ended, or the end of its log.
func k3sLine(v supervise.State) string {
	line := v.State
	if v.Status != "" {
		line += ": " + v.Status
	}
	if v.State != "ready" && v.LastExit != "" {
		line += fmt.Sprintf(" (last run: %s)", v.LastExit)
	}
	if v.State == "ready" && !v.Facts.NodeReady && v.Facts.NodeReason != "" {
		line += " (node not Ready: " + v.Facts.NodeReason + ")"
	}
	if v.State == "restarting" && v.Facts.Failed == "" {
		line += ": " + supervise.LastLine(boot.LogDir, "k3s")
	}
	return line
}
