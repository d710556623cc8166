package service

import (
	"context"

	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/softswap/shim"
)

// shimInMemory has shims of the pods that k3s starts run from memory, if the configuration in force permits soft swaps.
// Without the copy a soft swap is refused, and everything else works.
func (f Facts) shimInMemory(context.Context) error {
	held, err := inforce.Load("")
	if err == nil && held.Config.Upgrade.Swaps() {
		err = shim.Place("")
	}
	if err != nil {
		f.Say("k3s: %v; pods that it starts cannot outlive a soft swap", err)
	}
	return nil
}
