// Package flash writes an image to a disk or an SD card: it refuses disks that are in use, asks, writes, reads
// everything back from the medium, and puts the user's config.yaml into the boot partition. The partition table is
// written last, so an incompletely written disk does not boot. It makes no images, repairs no disks, writes to no
// partition, and runs on Linux only.
package flash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/images/disks"
)

// Build makes an image of a kind and returns its path.
type Build func(kind string) (string, error)

// job is one invocation of flash. Tests replace its fields.
type job struct {
	Options
	board  boards.Board
	build  Build
	root   string // parent of /sys and /proc
	open   func(disks.Target) (medium, error)
	access func(path string) error
	in     io.Reader
	secret secret
	asked  bool // in is a terminal
	out    io.Writer
	bars   func(step string, total int64) *bar
	now    func() time.Time
}

// Run runs the verb.
func Run(ctx context.Context, o Options, b boards.Board, args []string, out io.Writer, build Build) error {
	j := &job{
		Options: o, board: b, build: build, root: "/", open: openTarget, access: writable,
		in: os.Stdin, secret: askTerminal, asked: term.IsTerminal(int(os.Stdin.Fd())), out: out, now: time.Now,
		bars: func(step string, total int64) *bar { return newBar(os.Stderr, step, total) },
	}
	if err := j.run(ctx, args); err != nil {
		return fmt.Errorf("flash: %w", err)
	}
	return nil
}

func (j *job) run(ctx context.Context, args []string) error {
	switch len(args) {
	case 0:
		return j.list()
	case 1:
		return j.flash(ctx, args[0])
	}
	return fmt.Errorf("one disk at a time, not %s", strings.Join(args, " "))
}

// flash makes all checks before it builds, which may take long, and checks the disk again afterwards.
func (j *job) flash(ctx context.Context, name string) error {
	kind, err := j.kind()
	if err != nil {
		return err
	}
	if _, err := j.find(name, j.need()); err != nil {
		return err
	}
	if !j.Yes && !j.asked {
		return fmt.Errorf("everything on %s will be lost, and there is no terminal to ask at\nhint: --yes writes without asking", name)
	}
	text, err := j.config(ctx)
	if err != nil {
		return err
	}
	file := j.Image
	if file == "" {
		if file, err = j.build(kind); err != nil {
			return err
		}
	}
	img, err := openImage(ctx, file, j.bars)
	if err != nil {
		return err
	}
	return errors.Join(j.write(ctx, name, img, text), img.Close())
}

// kind returns the requested kind, or the board's first one that is for disks.
func (j *job) kind() (string, error) {
	for _, k := range []string{"sd", "disk"} {
		if slices.Contains(j.board.Images, k) && (j.Kind == "" || j.Kind == k) {
			return k, nil
		}
	}
	if j.Image != "" && j.Kind == "" {
		return "", nil
	}
	return "", fmt.Errorf("board %s has no such image to write to a disk; it has %s", j.board.Name, strings.Join(j.board.Images, ", "))
}

// need returns the size of an image that is not built yet; a given image is checked later.
func (j *job) need() int64 {
	if j.Image != "" {
		return 0
	}
	return j.board.Layout().ImageSize()
}

// find reads the list of disks again: a stick may have been unplugged or mounted since.
func (j *job) find(name string, need int64) (disks.Target, error) {
	sys, err := disks.Read(j.root)
	if err != nil {
		return disks.Target{}, err
	}
	t, err := sys.Find(name)
	if err != nil {
		return t, fmt.Errorf("%w\nhint: `proa flash %s` lists the disks there are", err, j.board.Name)
	}
	if err := t.Disk.Refuse(need, j.Force); err != nil {
		return t, err
	}
	return t, j.access(t.Path)
}

// config returns what to put into the boot partition, checked as far as possible at this point; nil to keep the image's
// own.
func (j *job) config(ctx context.Context) (*given, error) {
	if j.WiFi != "" {
		if err := noRadio(j.board); err != nil {
			return nil, err
		}
	}
	g, err := j.Options.given(ctx, j.in, j.secret)
	if err != nil || g == nil || g.text == nil {
		return g, err
	}
	return g, g.check(*g.text, j.out, j.Force)
}

// write asks and writes.
func (j *job) write(ctx context.Context, name string, img *image, g *given) error {
	target, err := j.find(name, img.size)
	if err != nil {
		return err
	}
	if target.File && img.is(target.Path) {
		return fmt.Errorf("%s is the image itself", name)
	}
	if err := bootconfig.Suits(img.sectors(), img.size, j.board.Name); err != nil {
		return fmt.Errorf("%s: %w", img.name, err)
	}
	if err := bootconfig.Room(img.sectors(), img.size); err != nil && g != nil {
		return fmt.Errorf("%s: %w; --config, --ssh-key and --wifi have nowhere to go", img.name, err)
	}
	if err := j.confirm(ctx, target, img); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errUntouched
	}
	m, err := j.open(target)
	if err != nil {
		return err
	}
	err = j.fill(ctx, target.Disk.Name, m, img, g)
	return errors.Join(err, m.Close())
}

// fill writes, verifies and configures the disk.
func (j *job) fill(ctx context.Context, name string, m medium, img *image, g *given) error {
	sum, err := j.copy(ctx, name, m, img)
	if err != nil {
		return err
	}
	if of := bootconfig.Board(m, m.Size()); of != "" && of != j.board.Name { // of a compressed image nobody could tell before
		return fmt.Errorf("%s holds an image for board %s now, not for %s", name, of, j.board.Name)
	}
	if err := j.configure(name, m, g); err != nil {
		return fmt.Errorf("%s: the image is written and verified, but config.yaml is still the image's own: %w", name, err)
	}
	fmt.Fprintf(j.out, "%s is ready to boot (sha256 of the image: %x)\n", name, sum)
	if !m.Reread() {
		fmt.Fprintln(j.out, "this host sees the new partitions when it is plugged in again")
	}
	return nil
}

// copy writes and verifies. If it fails it leaves a disk that does not boot.
func (j *job) copy(ctx context.Context, name string, m medium, img *image) ([]byte, error) {
	w := j.bars("write "+name, img.size)
	wrote, err := write(ctx, m, img, w.tick)
	w.done(err)
	if err == nil {
		v := j.bars("verify "+name, img.size)
		err = verify(ctx, m, img.size, wrote, v.tick)
		v.done(err)
	}
	if err != nil {
		state := "does not boot now: it has no partition table"
		if unmake(m) != nil {
			state = "is half written; do not boot from it"
		}
		return nil, fmt.Errorf("%s: %w\nhint: %s %s; the same command again writes it from the start", name, err, name, state)
	}
	return wrote.sum(), nil
}

// configure writes the given configuration, or prints hints about the image's own.
func (j *job) configure(name string, m medium, g *given) error {
	if g == nil {
		if text, err := bootconfig.Read(m, m.Size()); err == nil && len(text.Config.SSHAuthorizedKeys) == 0 {
			fmt.Fprintf(j.out, "nobody can log in yet: %suse --config or --ssh-key\n", editable(m, name))
		}
		return nil
	}
	text, err := g.over(m, m.Size(), j.out, j.Force)
	if err != nil {
		return err
	}
	if err := bootconfig.Put(m, m.Size(), text, j.now(), m.Settle); err != nil {
		return err
	}
	fmt.Fprintf(j.out, "config.yaml: %s\n", text.Summary())
	return nil
}

// editable says where config.yaml can be edited on the disk. An ISO has it, and nobody can edit it there.
func editable(m medium, name string) string {
	if _, err := bootconfig.Find(m, m.Size()); err != nil {
		return ""
	}
	return fmt.Sprintf("edit config.yaml on the partition PROA-BOOT of %s, or ", name)
}
