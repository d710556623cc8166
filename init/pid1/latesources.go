package pid1

import (
	"context"
	"time"
)

// lateMedia is when media with configuration are looked for once more: a USB disk may take longer than the boot.
const lateMedia = 30 * time.Second

func (k *keeper) readLateMedia(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(lateMedia):
	}
	if changed, _ := k.m.RefreshSources(ctx); len(changed) > 0 { // the boot has reported what is wrong with a medium
		k.reload(ctx)
	}
}

func (k *keeper) reload(ctx context.Context) {
	if err := k.reloadVerb(ctx, "", func(line string) { k.con.Logf("config: %s", line) }); err != nil {
		k.con.Logf("config: %v", err)
	}
}
