package pid1

import (
	"context"

	"github.com/proa-os/proa/init/control"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/softswap/handed"
)

// verbs are the requests that PID 1 accepts. Each runs in its own goroutine, outside of the main loop.
func (k *keeper) verbs() []control.Verb {
	return []control.Verb{
		{Name: "restart", Run: k.restartVerb},
		{Name: "reload", Run: k.reloadVerb},
		{Name: "confirm", Run: k.confirmVerb},
		{Name: "revert", Run: k.revertVerb},
		{Name: "health", Run: k.healthVerb},
		{Name: handed.Request, Run: k.swapVerb},
	}
}

// serveControl listens for requests. The machine works without it.
func (k *keeper) serveControl(ctx context.Context) {
	l, err := control.Listen(control.Socket)
	if err != nil {
		k.con.Logf("control: %v", err)
		return
	}
	go control.Server{Verbs: k.verbs(), Logf: k.con.Logf}.Serve(ctx, l)
}

func (k *keeper) restartVerb(ctx context.Context, name string, say func(string)) error {
	say("restarting " + name)
	if err := k.sup.Restart(ctx, name); err != nil {
		return err
	}
	if name == "k3s" {
		k.conf.took(inforce.K3s, k.con.Logf)
	}
	say(name + " restarted; proa status shows its state")
	return nil
}
