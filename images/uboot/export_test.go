package uboot

// Wrong returns sectors that have a valid checksum and an invalid state.
func Wrong() [][]byte { return wrong() }
