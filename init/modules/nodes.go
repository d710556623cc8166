package modules

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/sys"
)

// forAll are nodes with mode 0666, as in udev (systemd, rules.d/50-udev-default.rules.in): the driver itself checks
// permissions. All others are accessible to root only.
var forAll = map[string]bool{"fuse": true, "net/tun": true}

// StaticNodes creates the missing device nodes of modules.devname below dev: opening one makes the kernel load its
// module (kmod, tools/static-nodes.c). VPN pods open /dev/net/tun.
func (x *Index) StaticNodes(s sys.Sys, dev string) error {
	var errs []error
	err := eachLine(filepath.Join(x.dir, "modules.devname"), func(line string) {
		if err := staticNode(s, dev, line); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", line, err))
		}
	})
	if errors.Is(err, os.ErrNotExist) {
		err = nil // a small initramfs, or a kernel without such modules
	}
	return errors.Join(append(errs, err)...)
}

// staticNode parses "tun net/tun c10:200".
func staticNode(s sys.Sys, dev, line string) error {
	var module, name string
	var kind rune
	var major, minor uint32
	if _, err := fmt.Sscanf(strings.TrimSpace(line), "%s %s %c%d:%d", &module, &name, &kind, &major, &minor); err != nil {
		return err
	}
	mode, ok := map[rune]uint32{'c': unix.S_IFCHR, 'b': unix.S_IFBLK}[kind]
	if !ok || !filepath.IsLocal(name) {
		return errors.New("want MODULE NAME cMAJOR:MINOR or bMAJOR:MINOR")
	}
	if forAll[name] {
		mode |= 0o666
	} else {
		mode |= 0o600
	}
	node := path.Join(dev, name)
	if err := s.MkdirAll(path.Dir(node), 0o755); err != nil {
		return err
	}
	return s.Mknod(node, mode, unix.Mkdev(major, minor))
}
