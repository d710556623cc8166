package target

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/disks"
	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/install"
)

// Level says whether a finding ends an installation.
type Level string

// Stop ends it; Warn is shown before the user confirms, and in the log of a silent installation.
const (
	Stop Level = "stop"
	Warn Level = "warn"
)

// Finding is what preflight found.
type Finding struct {
	Level Level
	Text  string
}

func (f Finding) String() string { return string(f.Level) + ": " + f.Text }

// Facts are what preflight looks at.
type Facts struct {
	Root   string
	Disk   Disk
	Config []byte // of the installed system
	Keep   bool
}

// checks are all of them.
var checks = []struct {
	level Level
	look  func(Facts) string // "" if there is nothing to say
}{
	{Stop, func(f Facts) string { return f.Disk.Why }},
	{Stop, func(f Facts) string {
		return when(f.Keep && !f.Disk.Keeps, "the disk has no data partition of this layout that could be kept; choose replace")
	}},
	{Stop, func(f Facts) string {
		return when(len(f.Config) > 1<<20, "the configuration has %d bytes, at most 1 MiB is read", len(f.Config))
	}},
	{Warn, configuration},
	{Warn, logins},
	{Warn, func(f Facts) string {
		return when(f.Disk.Size < install.Comfortable, "the disk has %s; a cluster with workloads needs %s", disks.Bytes(f.Disk.Size), disks.Bytes(install.Comfortable))
	}},
	{Warn, memory},
	{Warn, func(f Facts) string {
		return when(f.Disk.Bus == "usb", "the disk is connected by USB; a machine does not boot from it where its firmware does not")
	}},
}

// Preflight returns what speaks against an installation.
func Preflight(f Facts) (out []Finding) {
	for _, c := range checks {
		if text := c.look(f); text != "" {
			out = append(out, Finding{c.level, text})
		}
	}
	return out
}

func when(is bool, format string, args ...any) string {
	if !is {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

func configuration(f Facts) string {
	_, problems := config.Parse("config.yaml", f.Config)
	return when(len(problems) > 0, "the configuration has %d problems; the first: %s", len(problems), first(problems))
}

func first(problems []config.Problem) string {
	if len(problems) == 0 {
		return ""
	}
	return fmt.Sprint(problems[0])
}

func logins(f Facts) string {
	c, _ := config.Parse("config.yaml", f.Config)
	key, password, _ := account.Logins(c)
	return when(!key && !password && !account.Passwords(c), "nobody can log in to the installed system: no SSH key and no password is configured")
}

// memory is what a server with its cluster needs.
const leastMemory = 1 << 30

func memory(f Facts) string {
	b, _ := os.ReadFile(filepath.Join(f.Root, "proc/meminfo")) // without it there is nothing to say
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return ""
	}
	kib, _ := strconv.ParseInt(fields[1], 10, 64)
	return when(kib > 0 && kib<<10 < leastMemory*9/10, "the machine has %s of memory; a server needs %s", disks.Bytes(kib<<10), disks.Bytes(leastMemory))
}
