// Package trust is the TUF client of a device (theupdateframework.io): from a server that nobody has to trust it takes
// only metadata that enough keys have signed, that is the newest, and that belongs together. What is fetched by it is
// compared with its hashes.
//
// It refuses whatever TUF refuses, metadata older than this machine has seen even if its files were lost, and releases for
// another board, architecture or layout of the disk. It judges expiry only when the clock is known. It makes no
// connections itself and chooses no release; that nothing older than the image is taken, init/upgrade decides.
package trust

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

// Client is one repository as a device sees it.
type Client struct {
	Dir      string // state, on the data partition; made if it is missing
	Root     []byte // TUF's root of the image; nil: the one in Dir is trusted
	Metadata string // URL of the directory metadata
	Targets  string // URL of the directory targets
	Fetch    Fetch
	Clock    Clock

	mu sync.Mutex // go-tuf's updater is not safe for concurrent use
}

// Refresh fetches what is new and returns what the newest metadata says. Use one client per directory.
func (c *Client) Refresh(ctx context.Context) (*View, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := open(c.Dir)
	if err != nil {
		return nil, explain(err, c.Clock)
	}
	u, err := c.updater(ctx, s)
	if err != nil {
		return nil, explain(err, c.Clock)
	}
	err = u.Refresh()
	if older := s.keep(u.GetTrustedMetadataSet(), err == nil); older != nil {
		return nil, explain(older, c.Clock)
	}
	if err != nil {
		return nil, explain(err, c.Clock)
	}
	return &View{client: c, state: s, updater: u}, nil
}

// onDisk says whether an error is that of a file of the state: whoever fetches wraps its own errors.
func onDisk(err error) bool {
	return !errors.Is(err, errFetch) && (errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError)))
}

// updater returns a new updater over the working copy of the state: one of them refreshes only once.
func (c *Client) updater(ctx context.Context, s *state) (*updater.Updater, error) {
	var why error
	for _, root := range s.roots(c.Root) {
		cfg, err := config.New(c.Metadata, root)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Metadata, err)
		}
		cfg.LocalMetadataDir, cfg.LocalTargetsDir = s.work, s.work // both must be set
		cfg.Fetcher = &fetcher{ctx, c.Fetch}
		u, err := updater.New(cfg)
		if onDisk(err) {
			return nil, fmt.Errorf("%w: %w", errState, err)
		}
		if err != nil {
			why = errors.Join(why, err)
			continue
		}
		u.UnsafeSetRefTime(c.Clock.reference(s.seen.Signed))
		return u, nil
	}
	return nil, errors.Join(errNoRoot, why)
}
