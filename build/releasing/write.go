package releasing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/payload"
	"github.com/proa-os/proa/images/payload/forms"
	"github.com/proa-os/proa/images/payload/pack"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/tree"
)

// payload makes "full", or a patch from an older slot, unless it was published.
func (j *job) payload(s *Slot, c contents, old *Slot) (err error) {
	name, step := payloadName(old)
	target := j.target(s, name)
	if t := j.listed(target); t != nil {
		j.made = append(j.made, Made{target, t.Length, true})
		return nil
	}
	began := time.Now()
	j.Show.Start(step, []string{s.Manifest.Board + " " + s.Manifest.Version})
	defer func() { j.Show.Done(step, time.Since(began), err) }()
	frames, err := j.temp()
	if err != nil {
		return err
	}
	defer discard(frames)
	x, custom, err := j.write(frames, s, c, old, step)
	if err != nil {
		return err
	}
	head, err := x.Encode()
	if err != nil {
		return err
	}
	custom.Index = &releasemeta.Index{Length: int64(len(head)), SHA256: sumOf(head)}
	size, err := frames.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	return j.keep(target, io.MultiReader(bytes.NewReader(head), io.NewSectionReader(frames, 0, size)), custom)
}

// write writes the frames, and makes the slot of them as a device does.
func (j *job) write(frames *os.File, s *Slot, c contents, old *Slot, step string) (x *payload.Index, custom releasemeta.Payload, err error) {
	check := payload.Options{Manifest: s.Text, Forms: forms.All(), Frames: file{frames}}
	counted := j.counted(c, step)
	if old == nil {
		x, err = pack.WriteFull(j.ctx, frames, counted, check.Forms)
	} else {
		var was contents
		if was, err = old.Contents(); err != nil {
			return nil, custom, err
		}
		was = shared(was)
		custom.From = &releasemeta.From{Version: old.Manifest.Version, Root: old.Manifest.Root.Hash}
		check.Old = &oldSlot{contents: was}
		x, err = pack.WritePatch(j.ctx, frames, counted, was, check.Forms)
	}
	if err != nil {
		return nil, custom, err
	}
	check.Index, check.Frames = x, file{frames}.behind(x)
	if err := payload.Verify(j.ctx, check); err != nil {
		return nil, custom, fmt.Errorf("what was written is not the slot: %w", err)
	}
	return x, custom, nil
}

// file reads frames that have no index before them.
type file struct{ io.ReaderAt }

type framesBehind struct {
	file
	index int64
}

func (f file) behind(x *payload.Index) framesBehind { return framesBehind{f, x.Length} }

// ReadFrame implements payload.Frames.
func (f file) ReadFrame(_ context.Context, at payload.Range, _ payload.Sum, b []byte) error {
	_, err := io.ReadFull(io.NewSectionReader(f, at.Offset, at.Length), b)
	return err
}

// ReadFrame implements payload.Frames: offsets count from the beginning of the payload file.
func (f framesBehind) ReadFrame(ctx context.Context, at payload.Range, sum payload.Sum, b []byte) error {
	at.Offset -= f.index
	return f.file.ReadFrame(ctx, at, sum, b)
}

// counted returns contents that say how much of them was read: pack reads each twice.
func (j *job) counted(c contents, step string) contents {
	total, done := int64(0), new(int64)
	out := c
	out.Files = nil
	for _, f := range c.Files {
		in := pack.Input{Name: f.Name, Form: f.Form}
		for _, r := range f.Regions {
			total += 2 * r.Content.Size
			from := r.Content.Open
			r.Content = tree.Content{Size: r.Content.Size, Open: func() (io.ReadCloser, error) {
				rc, err := from()
				return &counting{rc, func(n int) { *done += int64(n); j.Show.Progress(step, *done, total) }}, err
			}}
			in.Regions = append(in.Regions, r)
		}
		out.Files = append(out.Files, in)
	}
	return out
}

type counting struct {
	io.ReadCloser
	tell func(int)
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.tell(n)
	return n, err
}

// copySlot publishes the slot file itself.
func (j *job) copySlot(s *Slot, name string) error {
	target := j.target(s, slotName)
	if t := j.listed(target); t != nil {
		j.made = append(j.made, Made{target, t.Length, true})
		return nil
	}
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close() // it is only read
	r, err := slotfile.NewReader(in)
	if err != nil {
		return err
	}
	for { // compares every file with the manifest
		if e, err := r.Next(); err != nil || e == nil {
			if err != nil {
				return err
			}
			break
		}
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return j.keep(target, in, nil)
}

// manifest publishes the manifest, with what devices decide by.
func (j *job) manifest(s *Slot, custom releasemeta.Release) error {
	return j.keep(j.target(s, releasemeta.ManifestName), bytes.NewReader(s.Text), custom)
}

// keep writes a target under the name of its hash, and enters it in the metadata.
func (j *job) keep(target string, r io.Reader, custom any) error {
	f, err := j.temp()
	if err != nil {
		return err
	}
	defer discard(f)
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), &stoppable{j.ctx, r})
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err != nil {
		return err
	}
	where, err := j.repo.AddTarget(target, n, hex.EncodeToString(h.Sum(nil)), custom)
	if err != nil {
		return err
	}
	to := filepath.Join(j.Out, tufrepo.TargetsDir, filepath.FromSlash(where))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	j.made = append(j.made, Made{target, n, false})
	return os.Rename(f.Name(), to)
}

// temp returns a new file beside the targets.
func (j *job) temp() (*os.File, error) {
	dir := filepath.Join(j.Out, tufrepo.TargetsDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.CreateTemp(dir, ".part-*")
}

// discard closes and removes a temporary file; one that was renamed is not there any more.
func discard(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}

// stoppable ends with the context.
type stoppable struct {
	ctx context.Context
	r   io.Reader
}

func (s *stoppable) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(b)
}
