// Package links is the only part of init that asks the kernel for interfaces' changes and changes their configuration,
// by netlink. It decides nothing: operations come from package plan, and what a change means is up to its subscribers.
package links

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/plan"
)

// Dir is where the kernel lists interfaces; tests replace it to give virtual ones a device.
var Dir = "/sys/class/net"

// List returns the existing interfaces.
func List() (out []plan.Link, err error) {
	list, err := netlink.LinkList()
	for _, l := range list {
		out = append(out, of(l))
	}
	return out, err
}

// ByName returns an interface as it is now.
func ByName(name string) (plan.Link, error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return plan.Link{}, err
	}
	return of(l), nil
}

// byIndex returns an interface as it is now, whatever its name.
func byIndex(index int) (plan.Link, error) {
	l, err := netlink.LinkByIndex(index)
	if err != nil {
		return plan.Link{}, err
	}
	return of(l), nil
}

// Exists says whether there is an interface of that name.
func Exists(name string) bool {
	_, err := netlink.LinkByName(name)
	return err == nil
}

func of(l netlink.Link) plan.Link {
	out := plan.Link{Link: l, Kind: kind(l.Attrs().Name)}
	switch {
	case out.Kind != plan.Virtual:
		out.Driver = driver(l.Attrs().Name)
	case l.Attrs().Alias == plan.Mark:
		out.Kind = plan.Made
	}
	return out
}

// driver asks the driver for its name (ethtool -i); empty: it has none.
func driver(name string) string {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	info, err := unix.IoctlGetEthtoolDrvinfo(fd, name)
	if err != nil {
		return ""
	}
	return unix.ByteSliceToString(info.Driver[:])
}

// kind looks for the interface's device, and for what a Wi-Fi adapter has at the time it is announced, which is before
// phy80211 is there.
func kind(name string) plan.Kind {
	const ethernet = "1" // ARPHRD_ETHER
	hardware, _ := os.ReadFile(filepath.Join(Dir, name, "type"))
	if strings.TrimSpace(string(hardware)) != ethernet {
		return plan.Virtual
	}
	if _, err := os.Stat(filepath.Join(Dir, name, "device")); err != nil {
		return plan.Virtual
	}
	if _, err := os.Stat(filepath.Join(Dir, name, "wireless")); err != nil {
		return plan.Wired
	}
	return plan.Radio
}
