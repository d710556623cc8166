package verbs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
)

// clusterPoll is how often the request of the cluster is looked at; it comes from a file that PID 1 writes.
const clusterPoll = 2 * time.Second

// Cluster carries out the cluster's requests until the context ends, each id once, and says in a file how far it is. A
// request that is withdrawn or replaced ends the run, unless the other slot is on trial already.
func (e Env) Cluster(ctx context.Context) error {
	c := cluster{Env: e}
	for {
		c.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(clusterPoll):
		}
	}
}

// cluster is the service's memory.
type cluster struct {
	Env
	done nodeupgrade.State // of a request that left no entry in the journal
	told nodeupgrade.State
}

func (c *cluster) say(line string) {
	fmt.Fprintf(c.Out, "%s %s\n", time.Now().UTC().Format(time.RFC3339), line)
}

// request returns what the cluster wants now; the zero request: nothing.
func (c *cluster) request() nodeupgrade.Request {
	text, err := os.ReadFile(c.Root + nodeupgrade.RequestFile)
	if err != nil {
		return nodeupgrade.Request{}
	}
	r, err := nodeupgrade.ParseRequest(string(text))
	if err != nil {
		c.say(err.Error())
	}
	return r
}

func (c *cluster) look(ctx context.Context) {
	r := c.request()
	if r.ID == "" {
		return
	}
	if s := c.known(r.ID); s.ID != "" {
		c.tell(s)
		return
	}
	c.say("the cluster asks to upgrade " + r.String())
	c.tell(c.carryOut(ctx, r))
}

// known returns how far a request is that needs no run: one that ended, or whose slot is on trial.
func (c *cluster) known(id string) nodeupgrade.State {
	if c.done.ID == id {
		return c.done
	}
	j, _ := journal.Read(c.Root + journal.File) // a damaged one has none
	for i := len(j.Entries) - 1; i >= 0; i-- {
		e := j.Entries[i]
		if e.Request == id && (e.State == journal.Trying || e.State == journal.Ended) {
			return nodeupgrade.State{ID: id, Phase: string(e.State), Result: e.Result, Version: e.To.Version, Message: e.Reason}
		}
	}
	return nodeupgrade.State{}
}

// carryOut makes one run of the engine, and returns how it ended.
func (c *cluster) carryOut(ctx context.Context, r nodeupgrade.Request) nodeupgrade.State {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go c.untilWithdrawn(ctx, r, cancel)
	s := nodeupgrade.State{ID: r.ID, Phase: string(journal.Writing), Version: r.Version}
	c.tell(s)
	var places []string
	if r.Source != "" {
		places = []string{r.Source}
	}
	o := upgrade.Options{By: "cluster", Request: r.ID, Version: r.Version, Until: upgrade.Apply, Reboot: true}
	out, err := c.run(ctx, o, places, nil, c.say)
	if s = ended(s, out, err); ctx.Err() == nil || s.Result != nodeupgrade.Aborted {
		c.done = s
	}
	return s
}

// ended says how a run ended. Whether a trial succeeds is not known before the restart.
func ended(s nodeupgrade.State, out upgrade.Outcome, err error) nodeupgrade.State {
	switch {
	case errors.Is(err, upgrade.ErrStopped), errors.Is(err, context.Canceled):
		s.Phase, s.Result, s.Message = string(journal.Ended), nodeupgrade.Aborted, "withdrawn"
	case err != nil:
		s.Phase, s.Result, s.Message = string(journal.Ended), nodeupgrade.Failed, err.Error()
	case out.Trying:
		s.Phase, s.Version = string(journal.Trying), out.Choice.Release.Version
	case out.Choice.Runs:
		s.Phase, s.Result, s.Version, s.Message = string(journal.Ended), nodeupgrade.Succeeded, out.Choice.Newest, out.Choice.Why
	default:
		s.Phase, s.Result, s.Message = string(journal.Ended), nodeupgrade.Failed, out.Choice.Why
	}
	return s
}

// untilWithdrawn ends a run whose request is not there any more.
func (c *cluster) untilWithdrawn(ctx context.Context, r nodeupgrade.Request, cancel func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(clusterPoll):
			if now := c.request(); now != r {
				cancel()
				return
			}
		}
	}
}

// tell replaces the file that the runtime reads, if there is news.
func (c *cluster) tell(s nodeupgrade.State) {
	if s == c.told {
		return
	}
	c.told = s
	if err := atomicfile.Write(c.Root+nodeupgrade.File, []byte(s.Encode()), 0o600); err != nil {
		c.say(fmt.Sprintf("the cluster cannot be told: %v", err))
	}
}
