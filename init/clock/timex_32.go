//go:build arm

package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

func setOffset(tx *unix.Timex, d time.Duration) { tx.Offset = int32(d.Microseconds()) }
