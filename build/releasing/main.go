package releasing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/progress"
)

// ErrUsage is wrapped by errors of the command line.
var ErrUsage = errors.New("see `proa help release`")

// Main runs the verb: it prints what was made, and what can be done with it. Progress goes to standard error.
func Main(ctx context.Context, f Flags, ring func() (*keys.Ring, error), files []string, out io.Writer) error {
	o, err := f.Options()
	if err != nil {
		return fmt.Errorf("release: %w; %w", err, ErrUsage)
	}
	if o.Ring, err = ring(); err != nil {
		return err
	}
	show := progress.New(os.Stderr)
	o.Show, o.Now = show, time.Now()
	made, err := Run(ctx, o, files)
	show.Close()
	for _, m := range made {
		fmt.Fprintln(out, m)
	}
	if err == nil {
		say(out, o)
	}
	return err
}
