package flash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/build/progress"
	"github.com/proa-os/proa/images/disks"
)

// errUntouched is returned after Ctrl-C before anything was written.
var errUntouched = errors.New("stopped; nothing was written")

// confirm shows what would be lost, and asks the user to type the disk's name.
func (j *job) confirm(ctx context.Context, t disks.Target, img *image) error {
	d := t.Disk
	fmt.Fprintf(j.out, "image  %s  %s\ndisk   %s\n", img.name, progress.Bytes(img.size), describe(t))
	for _, p := range d.Parts {
		fmt.Fprintf(j.out, "       %-12s %10s  %s\n", p.Name, progress.Bytes(p.Size), p.What)
	}
	if j.Yes {
		return nil
	}
	fmt.Fprintf(j.out, "Everything on it will be lost. Type %s to go on: ", d.Name)
	answer, err := j.answer(ctx)
	if err != nil {
		return err
	}
	if answer != d.Name && answer != "/dev/"+d.Name && answer != "yes" {
		return fmt.Errorf("%q is not %s; nothing was written", answer, d.Name)
	}
	return nil
}

// answer reads a line, or returns on Ctrl-C; the goroutine then ends with the program.
func (j *job) answer(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	got := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(j.in).ReadString('\n')
		got <- line{text, err}
	}()
	select {
	case l := <-got:
		if l.err != nil && l.text == "" {
			return "", errors.New("no answer; nothing was written")
		}
		return strings.TrimSpace(l.text), nil
	case <-ctx.Done():
		fmt.Fprintln(j.out)
		return "", errUntouched
	}
}

// describe describes a disk in one line.
func describe(t disks.Target) string {
	d := t.Disk
	if t.File {
		return fmt.Sprintf("%s  %s  a regular file in place of a disk", d.Name, progress.Bytes(d.Size))
	}
	parts := []string{d.Name, progress.Bytes(d.Size)}
	for _, s := range []string{d.Bus, d.Model, serialEnd(d.Serial)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "  ")
}

// serialEnd returns the end of a serial number, which is printed on most disks and enough to tell two apart.
func serialEnd(s string) string {
	if len(s) > 4 {
		s = "…" + s[len(s)-4:]
	}
	if s != "" {
		s = "serial " + s
	}
	return s
}
