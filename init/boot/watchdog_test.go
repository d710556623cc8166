package boot

import (
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/boards"
)

// TestWatchdogsOfBoards: the watchdog drivers in the boards' initramfs are all in the list that is loaded first.
func TestWatchdogsOfBoards(t *testing.T) {
	all, err := boards.All()
	if err != nil {
		t.Fatal(err)
	}
	var early []string
	for _, b := range all {
		early = append(early, b.Kernel.Early...)
		for _, name := range b.Kernel.Early {
			if strings.HasSuffix(name, "wdt") && !slices.Contains(watchdogDrivers(), name) {
				t.Errorf("board %s: %s is loaded among the drivers that it is to watch", b.Name, name)
			}
		}
	}
	for _, name := range watchdogDrivers() {
		if !slices.Contains(early, name) {
			t.Errorf("no board has %s in its initramfs", name)
		}
	}
}
