// Command fleet measures what a fleet of machines asks of the one server that it upgrades from: it makes a release, serves
// it with nginx, lets init/upgrade/fleet simulate the machines, and judges by nginx's log. It is started by make
// bench-fleet, which puts nginx into PATH.
//
// It fails if a machine fetched before its wave or another number of bytes than its plan says, if one did not restart in
// its window, or if one never got the release.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

const usage = `usage: go run ./build tool -- go run ./build/bench/fleet [flags]

  go run ./build tool -- go run ./build/bench/fleet                   10000 machines, 1 % at once, 10 % after 12 h, all after 24 h
  go run ./build tool -- go run ./build/bench/fleet --machines 500 --together
`

func main() {
	o := defaults()
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage); flag.PrintDefaults() }
	flag.IntVar(&o.Machines, "machines", o.Machines, "`number` of machines")
	flag.IntVar(&o.Workers, "at-once", o.Workers, "`number` of machines that are simulated at a time")
	flag.BoolVar(&o.Together, "together", o.Together, "all machines are switched on when the release is published, as after a power cut")
	flag.DurationVar(&o.Interval, "interval", o.Interval, "time between two looks of a machine")
	flag.DurationVar(&o.Jitter, "jitter", o.Jitter, "greatest delay of a machine")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// Options are what is simulated.
type Options struct {
	Machines, Workers int
	Whole, Older      int // as in the program
	Together          bool
	Interval, Jitter  time.Duration
	Window, Length    string // of restarts
	Waves             []Wave
	End               time.Duration // of the model, after the release
	Changed           int           // bytes of the large file that are new in the release
}

// Wave is a percentage of all machines, and when their turn comes after the release.
type Wave struct {
	Percent int
	After   time.Duration
}

// defaults are those of the configuration, with a window at night.
func defaults() Options {
	const hour = time.Hour
	return Options{Machines: 10_000, Workers: 16, Whole: 200, Older: 2, Interval: 6 * hour, Jitter: hour / 2, Window: "01:00", Length: "4h",
		Waves: []Wave{{1, 0}, {10, 12 * hour}, {100, 24 * hour}}, End: 44 * hour, Changed: 1 << 20}
}

// run measures in a directory of its own and prints what came of it.
func run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp(shared(), "proa-fleet-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	f, err := measure(ctx, dir, o)
	if err != nil {
		return err
	}
	fmt.Print(f.Table(time.Since(began)))
	return f.Judge()
}

// shared is a file system in memory, where there is one: each machine writes its state durably.
func shared() string {
	const dir = "/dev/shm"
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return dir
	}
	return ""
}
