package main

import (
	"errors"
	"os"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/images"
	"github.com/proa-os/proa/images/bootfs"
)

// runConfig is the config.yaml of a machine to run: the user's or a minimal one, with the keys that may
// log in. A file that keys cannot be added to goes in as it is: what the machine makes of it is the question.
func runConfig(o options, keys ...string) ([]byte, error) {
	if o.sshKey != "" {
		key, err := bootconfig.PublicKey(o.sshKey)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	text := bootconfig.Check(bootfs.ConfigFile, []byte("version: 1\nhostname: proa\n"))
	if o.config != "" {
		b, err := os.ReadFile(o.config)
		if err != nil {
			return nil, err
		}
		text = bootconfig.Check(o.config, b)
	}
	for _, k := range keys {
		if with, err := text.WithKey(k); err == nil {
			text = with
		}
	}
	return text.Bytes, nil
}

// injectConfig replaces config.yaml in the boot partition of a disk image of ours.
func injectConfig(file string, b boards.Board, config []byte) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = bootconfig.Put(f, b.Layout().ImageSize(), bootconfig.Text{Bytes: config}, time.Now(), func() error { return nil })
	return errors.Join(err, f.Close())
}

// mustKind is a kind of the table by a name that stands in our own source.
func mustKind(name string) images.Kind {
	for _, k := range images.Kinds() {
		if k.Name == name {
			return k
		}
	}
	panic("BUG: no image kind " + name)
}
