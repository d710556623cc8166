package bootjudge

// chains remembers cluster chains of many disks that differ little. A chain is followed again only where a page of the
// allocation table has changed that it goes through.
type chains struct {
	known map[chainKey][]followed
}

type chainKey struct {
	first uint32
	size  int64
}

// followed is a chain as it was on a disk, with what was read for it.
type followed struct {
	pages []int64 // of the disk
	same  string  // their contents
	list  []extent
	err   error
}

const (
	page = 4096
	// variants limits what is kept of one chain.
	variants = 16
)

func (c *chains) get(d Disk, first uint32, size int64, walk func(touch func(off int64)) ([]extent, error)) ([]extent, error) {
	key := chainKey{first, size}
	for _, f := range c.known[key] {
		if contents(d, f.pages) == f.same {
			return f.list, f.err
		}
	}
	var f followed
	f.list, f.err = walk(func(off int64) {
		if n := len(f.pages); n == 0 || f.pages[n-1] != off/page {
			f.pages = append(f.pages, off/page)
		}
	})
	f.same = contents(d, f.pages)
	if old := c.known[key]; len(old) < variants {
		c.known[key] = append(old, f)
	} else {
		copy(old, old[1:])
		old[variants-1] = f
	}
	return f.list, f.err
}

func contents(d Disk, pages []int64) (same string) {
	for _, p := range pages {
		same += d.Same(p*page, page)
	}
	return same
}
