// Command figures runs the engine of upgrades as proa-upgrade does, with files instead of a disk, and prints what it took:
// for the benchmark build/bench/delta. It is in no image. It says "idle" before it begins and waits for a line, so that
// who started it can see what the program needs when it does nothing.
//
// It fails if the engine does, and if the other slot is not what the release says: the engine verifies that itself.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/init/fetch/stream"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/repository"
	"github.com/proa-os/proa/init/upgrade/transport"
	"github.com/proa-os/proa/init/upgrade/trust"
	"github.com/proa-os/proa/init/upgrade/verbs"
)

// Spec is a machine in files, and where releases are.
type Spec struct {
	Dir     string          `json:"dir"`   // of the machine: boot files of slot a in slot-a; for state
	Image   string          `json:"image"` // the root that runs
	Room    int64           `json:"room"`  // bytes of the other root partition
	Place   string          `json:"place"` // URL, directory or bundle
	Fetch   string          `json:"fetch"` // the program proa-fetch
	Root    []byte          `json:"root"`  // TUF's root
	Keys    string          `json:"keys"`  // of slots
	Machine upgrade.Machine `json:"machine"`
}

// Figures are what an upgrade took.
type Figures struct {
	Kind     string  `json:"kind"`
	Bytes    int64   `json:"bytes"` // transferred
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu"`      // seconds, of this program
	FetchCPU float64 `json:"fetchCPU"` // seconds, of proa-fetch
	Idle     int64   `json:"idle"`     // resident bytes before it began
	Peak     int64   `json:"peak"`
	FetchRSS int64   `json:"fetchRSS"` // of proa-fetch, at most
}

func main() {
	debug.SetMemoryLimit(upgrade.Heap)
	if err := run(context.Background(), bufio.NewReader(os.Stdin)); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in *bufio.Reader) error {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return err
	}
	var s Spec
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	e, err := s.env()
	if err != nil {
		return err
	}
	f := Figures{Idle: resident("VmRSS")}
	fmt.Println("idle")
	if _, err := in.ReadString('\n'); err != nil {
		return err
	}
	began, cpu := time.Now(), used(unix.RUSAGE_SELF)
	if err := e.Main(ctx, "apply", []string{"--no-reboot", s.Place}); err != nil {
		return err
	}
	f.Seconds, f.CPU, f.FetchCPU = time.Since(began).Seconds(), seconds(used(unix.RUSAGE_SELF))-seconds(cpu), seconds(used(unix.RUSAGE_CHILDREN))
	f.Peak, f.FetchRSS = resident("VmHWM"), int64(used(unix.RUSAGE_CHILDREN).Maxrss)<<10
	if f.Kind, f.Bytes, err = s.did(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(f)
}

// did returns what the journal says of the upgrade.
func (s Spec) did() (kind string, bytes int64, err error) {
	j, err := journal.Read(s.Dir + journal.File)
	if err != nil {
		return "", 0, err
	}
	last := j.Open()
	if last == nil || last.State != journal.Trying {
		return "", 0, errors.New("the engine has put nothing on trial")
	}
	return last.Kind, last.Bytes, nil
}

// env is the environment of the engine, below the machine's directory. It boots with GRUB; slot a runs and is good.
func (s Spec) env() (e verbs.Env, err error) {
	k, err := slotsig.ParseKeys([]byte(s.Keys))
	if err != nil {
		return e, err
	}
	env, other := filepath.Join(s.Dir, "grub"), filepath.Join(s.Dir, "root-b")
	for _, dir := range []string{env, s.Dir + journal.Dir, filepath.Join(s.Dir, "run/proa")} {
		err = errors.Join(err, os.MkdirAll(dir, 0o755))
	}
	for i := range 2 {
		err = errors.Join(err, os.WriteFile(filepath.Join(env, grubenv.File(i)), grubenv.Encode(bootstate.State{Good: layout.A}), 0o600))
	}
	if err = errors.Join(err, os.WriteFile(other, nil, 0o600), os.Truncate(other, s.Room)); err != nil {
		return e, err
	}
	slots, err := slot.Find(slot.Boot{Chain: chain.Rows(chain.GRUB)[0], Dir: s.Dir}, layout.A)
	if err != nil {
		return e, err
	}
	t := slotwrite.Target{Slots: slots, Device: other, Board: s.Machine.Board, Trust: slottrust.Of(k)}
	return verbs.Env{Out: io.Discard, Err: os.Stderr, Root: s.Dir, Config: config.Default(), Opener: stream.Client{Program: s.Fetch},
		Find: func() (upgrade.Machine, slotwrite.Target, error) { return s.Machine, t, nil },
		Repository: func(_ context.Context, from transport.Source) (upgrade.Origin, error) {
			running := &repository.Running{Slot: layout.A, Root: s.Image, Files: t.Slots.Files}
			return repository.Open(from, repository.Options{Dir: s.Dir + journal.Dir + "/trust", Root: s.Root, Machine: s.Machine, Running: running,
				Mark: upgrade.Marks(s.Dir + journal.Dir), Clock: trust.Clock{Now: time.Now(), Known: true}}), nil
		}}, nil
}

func used(who int) (u unix.Rusage) {
	_ = unix.Getrusage(who, &u) // it fails for an unknown who only
	return u
}

func seconds(u unix.Rusage) float64 {
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// resident returns a number of bytes from /proc/self/status.
func resident(field string) int64 {
	b, _ := os.ReadFile("/proc/self/status")
	m := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10
}
