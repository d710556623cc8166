// Package engine measures the engine of upgrades as a process: time, CPU and resident memory of one upgrade from a
// release, on this machine or as a program of a 32-bit ARM in QEMU's user emulation. The program is init/upgrade/figures,
// which it compiles; the host tool imports nothing of the device. It fails if the upgrade does.
package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/layout"
)

const module = "github.com/proa-os/proa/init/"

// Memory is the goal for what an upgrade needs in bytes beyond a program that does nothing; benchmarks and tests fail above
// it.
const Memory = 16 << 20

// Figures are what an upgrade took. In an emulator, CPU and Seconds are the emulator's, Idle and Peak the memory of the
// emulated program only, and proa-fetch is a program of the host.
type Figures struct {
	Kind     string  `json:"kind"`
	Bytes    int64   `json:"bytes"` // transferred
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu"`      // seconds
	FetchCPU float64 `json:"fetchCPU"` // seconds, of proa-fetch
	Idle     int64   `json:"idle"`     // resident bytes before it began
	Peak     int64   `json:"peak"`
	FetchRSS int64   `json:"fetchRSS"` // bytes, of proa-fetch
}

// Over is the memory beyond that of a program which does nothing.
func (f Figures) Over() int64 { return f.Peak - f.Idle }

// Programs are compiled once.
type Programs struct{ dir string }

// Compile compiles the programs for the host and for ARM into a directory that other users can read.
func Compile(ctx context.Context, dir string) (*Programs, error) {
	for _, p := range []struct{ out, pkg, arch string }{
		{"figures", module + "upgrade/figures", ""}, {"figures-arm", module + "upgrade/figures", "arm"}, {"proa-fetch", module + "fetch/proa-fetch", ""},
	} {
		c := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, p.out), p.pkg)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if p.arch != "" {
			c.Env = append(c.Env, "GOARCH="+p.arch, "GOARM=7")
		}
		if out, err := c.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("compile %s: %w: %s", p.pkg, err, out)
		}
	}
	return &Programs{dir}, os.Chmod(dir, 0o755)
}

// Machine is what an upgrade begins with.
type Machine struct {
	Slot    string // slot file that runs
	Unknown bool   // as if it were a slot that no patch is from
	Place   string // URL, directory or bundle of the release
	Ring    *keys.Ring
	Board   string
	Arch    string
	Room    int64 // bytes of the other root partition; 0: twice the root that runs, and a little
	ARM     bool  // the engine is that of a 32-bit ARM, emulated
}

// Upgrade makes one upgrade in a directory of its own.
func (p *Programs) Upgrade(ctx context.Context, m Machine, dir string) (f Figures, err error) {
	spec, err := p.spec(ctx, m, dir)
	if err != nil {
		return f, err
	}
	argv := []string{filepath.Join(p.dir, "figures")}
	if m.ARM {
		argv = []string{"qemu-arm", "-B", fmt.Sprintf("%#x", guestBase), argv[0] + "-arm"}
	}
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Stderr = os.Stderr
	in, err1 := c.StdinPipe()
	out, err2 := c.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return f, err
	}
	if err := c.Start(); err != nil {
		return f, fmt.Errorf("%w; start this by `go run ./build tool -- …`", err)
	}
	defer func() { err = errors.Join(err, c.Wait()) }()
	defer in.Close() // it ends the program
	lines := bufio.NewReader(out)
	if _, err := in.Write(append(spec, '\n')); err != nil {
		return f, err
	}
	if said, err := lines.ReadString('\n'); err != nil {
		return f, fmt.Errorf("the engine said %q: %w", said, err)
	}
	w := watch(c.Process.Pid, m.ARM)
	if _, err := io.WriteString(in, "\n"); err != nil {
		return f, err
	}
	err = json.NewDecoder(lines).Decode(&f)
	w.stop()
	if m.ARM {
		f.Idle, f.Peak = w.first, w.peak
	}
	return f, err
}

// spec is what the program is told.
func (p *Programs) spec(ctx context.Context, m Machine, dir string) ([]byte, error) {
	manifest, err := slots.Unpack(ctx, m.Slot, dir)
	if err != nil {
		return nil, err
	}
	k, err := m.Ring.SlotKeys()
	if err != nil {
		return nil, err
	}
	text, err := k.Encode()
	if err != nil {
		return nil, err
	}
	roots, err := tufrepo.Roots(m.Ring.Dir)
	if err != nil || len(roots) == 0 {
		return nil, errors.Join(errors.New("no TUF root beside the keys"), err)
	}
	root := manifest.Root.Hash
	if m.Unknown {
		root = flip(root)
	}
	room := m.Room
	if room == 0 {
		room = 2*manifest.Root.Size + 64<<20
	}
	return json.Marshal(map[string]any{"dir": dir, "image": filepath.Join(dir, slots.RootFile), "room": room, "place": m.Place,
		"fetch": filepath.Join(p.dir, "proa-fetch"), "root": roots[len(roots)-1], "keys": string(text),
		"machine": map[string]any{"Board": m.Board, "Arch": m.Arch, "Layout": layout.Version, "Version": manifest.Version, "Root": root, "Slot": layout.A, "ID": "0123456789abcdef"}})
}

func flip(hash string) string {
	if hash[0] == '0' {
		return "1" + hash[1:]
	}
	return "0" + hash[1:]
}

// pause is between two looks at the memory of an emulated program.
const pause = 20 * time.Millisecond
