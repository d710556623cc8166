//go:build amd64 || arm64

package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

func setOffset(tx *unix.Timex, d time.Duration) { tx.Offset = d.Microseconds() }
