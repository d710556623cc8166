package overlay

import _ "embed" // of the accounts

// The accounts and shells of the root image, which PID 1 extends by the user's.
var (
	//go:embed rootfs/etc/passwd
	Passwd string
	//go:embed rootfs/etc/group
	Group string
	//go:embed rootfs/etc/shadow
	Shadow string
	//go:embed rootfs/etc/shells
	Shells string
)
