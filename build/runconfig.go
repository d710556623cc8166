package main

import (
	"errors"
	"os"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/images"
)

// injectConfig replaces config.yaml in a disk image or an ISO of proa.
func injectConfig(file string, b boards.Board, config []byte) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = bootconfig.Put(f, b.Layout().ImageSize(), bootconfig.Text{Bytes: config}, time.Now(), func() error { return nil })
	return errors.Join(err, f.Close())
}

// mustKind returns an image kind by a name that is in our own source; another name is a bug.
func mustKind(name string) images.Kind {
	for _, k := range images.Kinds() {
		if k.Name == name {
			return k
		}
	}
	panic("BUG: no image kind " + name)
}
