package flash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/proa-os/proa/build/flash/bootconfig"
)

// Into runs the verb config-into.
func Into(ctx context.Context, o Options, args []string, out io.Writer) error {
	err := errors.New("give one image file")
	if len(args) == 1 {
		err = o.into(ctx, args[0], out)
	}
	if err != nil {
		return fmt.Errorf("config-into: %w", err)
	}
	return nil
}

func (o Options) into(ctx context.Context, file string, out io.Writer) error {
	g, err := o.given(ctx, os.Stdin, askTerminal)
	switch {
	case err != nil:
		return err
	case g == nil && !o.Show:
		return errors.New("nothing to put in: give --config FILE, --ssh-key FILE or --wifi NAME; --show prints what is there")
	case g != nil && o.Show:
		return errors.New("--show prints what is there and puts nothing in; leave out the other flags, or --show")
	}
	f, size, err := openFile(file, !o.Show)
	if err != nil {
		return err
	}
	if o.Show {
		err = show(f, size, out)
	} else {
		err = o.put(f, size, g, out)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return errors.Join(err, f.Close())
}

// openFile opens an image file that is not compressed.
func openFile(file string, write bool) (*os.File, int64, error) {
	if strings.HasSuffix(file, zstdSuffix) {
		return nil, 0, fmt.Errorf("%s is compressed\nhint: `zstd -d %s` unpacks it; `proa flash BOARD DEVICE --image %s --config FILE` needs no unpacking", file, file, file)
	}
	st, err := os.Stat(file)
	if err != nil {
		return nil, 0, err
	}
	if !st.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is no image file\nhint: on a disk, mount the partition PROA-BOOT and edit config.yaml", file)
	}
	mode := os.O_RDONLY
	if write {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(file, mode, 0)
	return f, st.Size(), err
}

func show(f *os.File, size int64, out io.Writer) error {
	text, err := bootconfig.Read(f, size)
	if err == nil {
		_, err = out.Write(text.Bytes)
	}
	return err
}

func (o Options) put(f *os.File, size int64, g *given, out io.Writer) error {
	if g.wifi != nil {
		if err := radioOf(f, size); err != nil {
			return err
		}
	}
	text, err := g.over(f, size, out, o.Force)
	if err != nil {
		return err
	}
	if err := bootconfig.Put(f, size, text, time.Now(), f.Sync); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: config.yaml: %s\n", f.Name(), text.Summary())
	return nil
}
