package usermount

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/proa-os/proa/config"
)

// networked are file systems of servers; without are those that need no device.
var (
	networked = strings.Fields("nfs nfs4 cifs smb3 ceph 9p glusterfs")
	without   = strings.Fields("tmpfs ramfs overlay virtiofs hugetlbfs debugfs")
)

// remote says whether a mount needs the network.
func remote(c config.Mount) bool {
	return slices.Contains(networked, c.Type) && !slices.Contains(c.Options, "trans=virtio") ||
		!strings.HasPrefix(c.Device, "/dev/") && strings.Contains(c.Device, ":/") || strings.HasPrefix(c.Device, "//")
}

// links are udev's folders of links, which do not exist here, and the tags that mean the same.
var links = map[string]string{"/dev/disk/by-label/": "LABEL", "/dev/disk/by-uuid/": "UUID", "/dev/disk/by-partuuid/": "PARTUUID", "/dev/disk/by-partlabel/": "PARTLABEL"}

// source returns what to mount: a device for a tag.
func (m *Mounter) source(ctx context.Context, c config.Mount) (string, error) {
	bound := slices.Contains(c.Options, "bind") || slices.Contains(c.Options, "rbind")
	if slices.Contains(c.Options, "noauto") {
		return "", refusal{errors.New("noauto is among its options")}
	}
	if bound || remote(c) || slices.Contains(without, c.Type) || c.Type == "9p" {
		return c.Device, nil
	}
	device := c.Device
	for prefix, tag := range links {
		if value, is := strings.CutPrefix(device, prefix); is {
			device = tag + "=" + value
		}
	}
	if strings.HasPrefix(device, "/dev/disk/") {
		return "", refusal{errors.New("there are no such links here; use LABEL=, UUID=, PARTUUID= or PARTLABEL=")}
	}
	if tag, value, is := strings.Cut(device, "="); is {
		found, err := m.tagged(ctx, tag, strings.Trim(value, `"`))
		if err != nil {
			return "", err
		}
		device = found
	}
	if !strings.HasPrefix(device, "/dev/") {
		return "", refusal{errors.New("neither a device below /dev, nor a tag such as LABEL=, nor a server")}
	}
	return device, m.refuse(device)
}

// tagged finds a device by a tag: those of partitions in sysfs, those of file systems by blkid.
func (m *Mounter) tagged(ctx context.Context, tag, value string) (string, error) {
	var found []string
	switch tag {
	case "PARTUUID":
		found = m.partitions("PARTUUID", value)
	case "PARTLABEL":
		found = m.partitions("PARTNAME", value)
	case "LABEL", "UUID":
		out, err := m.Sys.Run(ctx, "blkid")
		if err != nil && out == "" {
			return "", fmt.Errorf("blkid: %w", err)
		}
		found = labelled(out, tag, value)
	default:
		return "", refusal{fmt.Errorf("%s= is none of LABEL=, UUID=, PARTUUID=, PARTLABEL=", tag)}
	}
	found = slices.DeleteFunc(found, func(device string) bool { return len(found) > 1 && m.refuse(device) != nil })
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no device with this %s yet; it is mounted when it appears", tag)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("several devices have this %s: %s", tag, strings.Join(found, ", "))
}

// partitions returns those whose uevent has a value for the key, in any case.
func (m *Mounter) partitions(key, value string) (found []string) {
	files, _ := filepath.Glob(filepath.Join(m.Root, "/sys/class/block/*/uevent"))
	for _, file := range files {
		text, _ := os.ReadFile(file) // the device may disappear meanwhile
		for line := range strings.Lines(string(text)) {
			if name, have, _ := strings.Cut(strings.TrimSpace(line), "="); name == key && strings.EqualFold(have, value) {
				found = append(found, "/dev/"+path.Base(path.Dir(file)))
			}
		}
	}
	return found
}

// labelled returns the devices with a tag in the output of blkid: DEVICE: LABEL="…" UUID="…" TYPE="…".
func labelled(out, tag, value string) (found []string) {
	want := regexp.MustCompile(`(?i)(^|\s)` + tag + `="` + regexp.QuoteMeta(value) + `"(\s|$)`)
	for line := range strings.Lines(out) {
		if device, tags, is := strings.Cut(strings.TrimSpace(line), ":"); is && want.MatchString(tags) {
			found = append(found, device)
		}
	}
	return found
}

// fillers are options for the programs that read fstab, not for mount(8).
var fillers = strings.Fields("defaults auto nofail _netdev user users owner group nouser")

// options returns what mount(8) gets. Programs with more rights and devices are not taken from foreign disks, unless an
// option says so.
func options(ctx context.Context, c config.Mount) ([]string, error) {
	out := []string{"nodev", "nosuid"}
	for _, o := range c.Options {
		if slices.Contains(fillers, o) || strings.HasPrefix(o, "x-") || strings.HasPrefix(o, "comment=") {
			continue
		}
		if strings.HasPrefix(o, "credentials=") || strings.HasPrefix(o, "cred=") {
			return nil, refusal{errors.New("option credentials: nothing reads that file here; use username= and password=")}
		}
		out = append(out, o)
	}
	switch {
	case strings.HasPrefix(c.Type, "nfs"):
		return addressed(ctx, out, c, "addr", "clientaddr")
	case c.Type == "cifs" || c.Type == "smb3":
		return addressed(ctx, out, c, "ip", "")
	}
	return out, nil
}

// addressed adds the server's address, which the kernel wants to be told: the programs mount.nfs and mount.cifs, which
// elsewhere do that, are not in the image. NFS version 4 is told this machine's address too, for callbacks.
func addressed(ctx context.Context, out []string, c config.Mount, server, client string) ([]string, error) {
	host, _, _ := strings.Cut(strings.TrimPrefix(c.Device, "//"), "/")
	host = strings.Trim(strings.TrimSuffix(host, ":"), "[]")
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("address of the server: %w", err)
	}
	out = append(out, server+"="+found[0])
	if client == "" {
		return out, nil
	}
	conn, err := net.Dial("udp", net.JoinHostPort(found[0], "2049")) // sends nothing: asks the routing table
	if err != nil {
		return nil, fmt.Errorf("route to the server: %w", err)
	}
	defer conn.Close()
	own, _, _ := net.SplitHostPort(conn.LocalAddr().String())
	return append(out, client+"="+own), nil
}
