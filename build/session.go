package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/apt"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/pin"
	"github.com/proa-os/proa/build/plan"
	"github.com/proa-os/proa/build/progress"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/build/release"
	"github.com/proa-os/proa/build/toolroot"
	"github.com/proa-os/proa/images"
)

// session has what verbs need to plan or build.
type session struct {
	kit   *recipe.Kit
	cache *graph.Cache
}

const (
	lockFile = "build/pin/debian.lock"
	envCache = "PROA_CACHE" // directory of the cache, by default in the user's cache directory
)

// open finds repository, cache and lock.
func open(ctx context.Context, o options) (*session, error) {
	if _, ok := recipe.Compressions[o.compression]; !ok && o.compression != "" {
		return nil, usage("no compression %q%s", o.compression, didYouMean(o.compression, slices.Sorted(maps.Keys(recipe.Compressions))))
	}
	repo, err := repository()
	if err != nil {
		return nil, err
	}
	dir, err := cacheDir()
	if err != nil {
		return nil, err
	}
	lock, err := loadLock(repo, dir, o)
	if err != nil {
		return nil, fmt.Errorf("%w\nhint: `proa lock` writes the lock file", err)
	}
	release, err := release.Describe(ctx, repo)
	if err != nil {
		return nil, err
	}
	trust, err := o.trust.ForImages()
	if err != nil {
		return nil, err
	}
	kit := &recipe.Kit{Repo: repo, Host: hostArch(), Store: store(dir), Lock: lock, Release: release, Compression: o.compression, Trust: trust}
	if kit.Compression == "" {
		kit.Compression = recipe.DefaultCompression
	}
	return &session{kit, &graph.Cache{Dir: dir}}, nil
}

func store(dir string) *apt.Store {
	return &apt.Store{Dir: filepath.Join(dir, "debs"), Apt: filepath.Join(dir, "apt")}
}

// hostArch returns Debian's name of the host's architecture.
func hostArch() string { return pin.DebianArch(runtime.GOARCH) }

func cacheDir() (string, error) {
	if dir := os.Getenv(envCache); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "proa"), err
}

// repository returns the nearest parent directory with our go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(b), "module github.com/proa-os/proa\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not inside proa's repository")
		}
	}
}

func (s *session) plan(b boards.Board, k images.Kind) (*plan.Plan, error) {
	p, err := plan.New(s.kit, b, k)
	if err != nil {
		return nil, fmt.Errorf("plan %s %s: %w", b.Name, k.Name, err)
	}
	return p, nil
}

func (s *session) runner(scope string, o graph.Observer) *graph.Runner {
	return &graph.Runner{Cache: s.cache, Scope: scope, Observer: o}
}

// make runs the missing steps of a graph's targets with progress on the terminal.
func (s *session) make(ctx context.Context, scope string, g *graph.Graph, targets ...*graph.Action) error {
	show := progress.New(os.Stderr)
	defer show.Close()
	r := s.runner(scope, show)
	if err := r.Run(ctx, g, targets...); err != nil {
		return err
	}
	return s.cache.Prune(time.Now())
}

// toolRoot makes one of the tool roots outside any image's plan.
func (s *session) toolRoot(ctx context.Context, set pin.Set) (toolroot.Root, error) {
	dir, err := s.step(ctx, set.Name)(s.kit.Tools(set))
	return toolroot.Root{Dir: dir}, err
}

// step runs one step outside any image's plan and returns the path of its output.
func (s *session) step(ctx context.Context, name string) func(graph.Step, error) (string, error) {
	return func(step graph.Step, err error) (string, error) {
		if err != nil {
			return "", err
		}
		g := &graph.Graph{}
		a := g.Add(name, step)
		err = s.make(ctx, "tools", g, a)
		return s.cache.Out(a), err
	}
}
