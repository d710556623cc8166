// Package rootfiles lists the files of unpacked Debian packages that go into the root image: programs with their
// libraries, certificates, time zones, and on a board with a Wi-Fi adapter its firmware. Every file is in a list here or is a
// dependency of one that is.
package rootfiles

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/elfdeps"
	"github.com/proa-os/proa/images/tree"
)

// programs are the programs in every root image; their libraries are added.
var programs = []string{
	"usr/bin/busybox",
	"usr/bin/crun",
	"usr/bin/dropbearkey",
	"usr/bin/mount",       // kubelet uses options that busybox's mount lacks
	"usr/bin/scp",         // needed by scp -O, and by scp before OpenSSH 9
	"usr/bin/umount",      // kubelet uses options that busybox's umount lacks
	"usr/lib/sftp-server", // a link; this path is compiled into dropbear
	"usr/sbin/dropbear",
	"usr/sbin/e2fsck",
	"usr/sbin/losetup",
	"usr/sbin/mke2fs",
	"usr/sbin/mkfs.ext4",
	"usr/sbin/nft",
	"usr/sbin/resize2fs",
	"usr/sbin/tune2fs",
}

// applets are links to busybox; a link never replaces one of programs.
var applets = strings.Fields(`
usr/bin/ash usr/bin/awk usr/bin/base64 usr/bin/basename usr/bin/cat usr/bin/chmod usr/bin/chown usr/bin/clear usr/bin/cmp
usr/bin/cp usr/bin/cut usr/bin/date usr/bin/dd usr/bin/df usr/bin/diff usr/bin/dirname usr/bin/dmesg usr/bin/du usr/bin/echo
usr/bin/env usr/bin/expr usr/bin/false usr/bin/find usr/bin/free usr/bin/grep usr/bin/gunzip usr/bin/gzip usr/bin/head
usr/bin/hexdump usr/bin/hostname usr/bin/id usr/bin/kill usr/bin/killall usr/bin/less usr/bin/ln usr/bin/login usr/bin/ls usr/bin/md5sum
usr/bin/mkdir usr/bin/mknod usr/bin/mktemp usr/bin/more usr/bin/mv usr/bin/nc usr/bin/nslookup usr/bin/nsenter usr/bin/od
usr/bin/pgrep usr/bin/pidof usr/bin/ping usr/bin/printf usr/bin/ps usr/bin/pwd usr/bin/readlink usr/bin/realpath usr/bin/rm
usr/bin/rmdir usr/bin/sed usr/bin/seq usr/bin/sh usr/bin/sha256sum usr/bin/sleep usr/bin/sort usr/bin/stat usr/bin/stty
usr/bin/sync usr/bin/tail usr/bin/tar usr/bin/tee usr/bin/test usr/bin/timeout usr/bin/top usr/bin/touch usr/bin/tr
usr/bin/traceroute usr/bin/true usr/bin/tty usr/bin/uname usr/bin/uniq usr/bin/unxz usr/bin/uptime usr/bin/vi usr/bin/watch
usr/bin/wc usr/bin/wget usr/bin/which usr/bin/xargs usr/bin/yes usr/bin/zcat
usr/sbin/arp usr/sbin/blkid usr/sbin/brctl usr/sbin/chroot usr/sbin/fdisk usr/sbin/getty usr/sbin/ifconfig usr/sbin/ip usr/sbin/lsmod
usr/sbin/route usr/sbin/sysctl
`)

const (
	caDir    = "usr/share/ca-certificates/mozilla"
	caBundle = "etc/ssl/certs/ca-certificates.crt"
)

// Entries returns the files for the root image of a board from the packages unpacked in dir.
func Entries(dir string, b boards.Board) ([]tree.Entry, error) {
	radio, err := forRadio(dir, b)
	if err != nil {
		return nil, err
	}
	zones, err := timeZones(dir)
	if err != nil {
		return nil, err
	}
	have, err := elfdeps.Collect(dir, slices.Concat(programs, radio, zones))
	if err != nil {
		return nil, err
	}
	rename(have, regulatory)
	for _, a := range applets {
		if _, there := have[a]; !there {
			have[a] = tree.Symlink(a, "/usr/bin/busybox")
		}
	}
	bundle, err := certificates(filepath.Join(dir, caDir))
	if err != nil {
		return nil, err
	}
	have[caBundle] = tree.File(caBundle, 0o644, tree.Bytes(bundle))
	var out []tree.Entry
	for _, p := range slices.Sorted(maps.Keys(have)) {
		out = append(out, have[p])
	}
	return out, nil
}

// certificates concatenates all certificates in the order of their names, as update-ca-certificates does.
func certificates(dir string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.crt"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("no CA certificates in " + dir)
	}
	var b bytes.Buffer
	for _, f := range files {
		pem, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		b.Write(bytes.TrimSpace(pem))
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}
