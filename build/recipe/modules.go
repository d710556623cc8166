package recipe

// Module is a kernel module of ours, for what Debian's kernel cannot do.
type Module struct {
	Name   string
	Source string // directory of the repository, with a Kbuild file
}
