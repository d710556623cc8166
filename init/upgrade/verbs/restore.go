package verbs

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/images/atomicfile"
)

// restoreWait is how long the command waits for the runtime, which reads a whole database before.
const restoreWait = 10 * time.Minute

// restoreDatastore asks the runtime to restore the snapshot when it starts, restarts it, and says how that ended.
func (e Env) restoreDatastore(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("proa upgrade restore-datastore", flag.ContinueOnError)
	fs.SetOutput(e.Err)
	yes := fs.Bool("yes", false, "do not ask")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	r, err := e.snapshot()
	if err != nil {
		return err
	}
	if r.Snapshot == "" {
		return errors.New(r.Text(time.Now()))
	}
	if _, err := os.Stat(e.Root + r.Snapshot); err != nil {
		return fmt.Errorf("the snapshot is gone: %w", err)
	}
	fmt.Fprintf(e.Out, "%s\nEverything that was written to the cluster since %s is lost: objects that were created since are gone, and those that were deleted are back.\n"+
		"The datastore that is replaced is kept beside it. Kubernetes is restarted; pods keep running until it knows better.\n", r.Text(time.Now()), r.Taken.UTC().Format(time.DateTime+"Z"))
	if !*yes {
		if err := e.confirm(); err != nil {
			return err
		}
	}
	r.State, r.Result, r.Message = wayback.Asked, "", ""
	if err := e.saveSnapshot(r); err != nil {
		return err
	}
	if err := e.RestartRuntime(); err != nil {
		return fmt.Errorf("%w; the snapshot is restored when k3s starts next", err)
	}
	return e.restored(ctx)
}

// confirm wants the word yes.
func (e Env) confirm() error {
	fmt.Fprint(e.Out, "To restore it, type yes: ")
	line, err := bufio.NewReader(e.In).ReadString('\n')
	if strings.TrimSpace(line) == "yes" {
		return nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return errors.New("nothing was changed; --yes restores it without asking")
}

// restored waits until the runtime has ended the way back.
func (e Env) restored(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, restoreWait)
	defer cancel()
	for {
		r, err := e.snapshot()
		switch {
		case err != nil:
			return err
		case r.State == wayback.Ended && r.Result == wayback.Restored:
			fmt.Fprintln(e.Out, r.Message)
			return nil
		case r.State == wayback.Ended:
			return errors.New(r.Message)
		}
		select {
		case <-ctx.Done():
			return errors.New("k3s has not restored it yet; proa upgrade log says when it has, and proa logs k3s what it does")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// snapshot reads the record of the snapshot; the zero Record is none.
func (e Env) snapshot() (wayback.Record, error) {
	f, err := os.Open(e.Root + wayback.File)
	if errors.Is(err, os.ErrNotExist) {
		return wayback.Record{}, nil
	}
	if err != nil {
		return wayback.Record{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, wayback.MaxFile+1))
	if err != nil {
		return wayback.Record{}, err
	}
	return wayback.Parse(text)
}

func (e Env) saveSnapshot(r wayback.Record) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	return atomicfile.Write(e.Root+wayback.File, text, 0o600)
}

// tellSnapshot adds a line about the snapshot to what status and log print, if there is one.
func (e Env) tellSnapshot() error {
	r, err := e.snapshot()
	if err == nil && r.Snapshot != "" {
		fmt.Fprintln(e.Out, r.Text(time.Now()))
	}
	return err
}
