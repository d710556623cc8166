package uboot

// Wrong are sectors that are no state although their checksum is right.
func Wrong() [][]byte { return wrong() }
