package dhcp

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Timing of the duplicate address probe (RFC 5227, section 2.1.1, but shorter: the server has probed too, and the boot
// waits).
const (
	probes    = 2
	probeWait = 150 * time.Millisecond
)

// unused probes whether another machine has the address. If so it sends DECLINE (section 3.1, 5), and pauses before the
// next request.
func (d *Client) unused(ctx context.Context, c *nclient4.Client, lease *Lease) error {
	owner := probe(ctx, d.Link, lease.Address.IP)
	if owner == nil {
		return nil
	}
	decline, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeDecline), dhcpv4.WithHwAddr(c.InterfaceAddr()),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(lease.Address.IP)), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(lease.Server)))
	if err != nil {
		return err
	}
	// DECLINE has no answer: the short timeout only makes the library send it
	once, end := context.WithTimeout(ctx, 10*time.Millisecond)
	defer end()
	_, _ = c.SendAndRead(once, nclient4.DefaultServers, decline, func(*dhcpv4.DHCPv4) bool { return false })
	d.pause = max(d.pause, conflictPause)
	return fmt.Errorf("%s from %s: %s has it already", lease.Address.IP, lease.Server, owner)
}

// conflictPause is the minimum in section 3.1, 5.
const conflictPause = 10 * time.Second

// probe returns the hardware address of the machine that has ip, or nil. On a link without ARP there are no conflicts.
func probe(ctx context.Context, l netlink.Link, ip net.IP) net.HardwareAddr {
	fd, err := arpSocket(l)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	for range probes {
		if arp(fd, l, net.IPv4zero, ip) != nil {
			return nil
		}
		for end := time.Now().Add(probeWait); time.Now().Before(end) && ctx.Err() == nil; {
			if owner := heard(fd, l, ip); owner != nil {
				return owner
			}
		}
	}
	return nil
}

// announce updates the ARP caches of neighbours, which may have another machine's entry.
func announce(l netlink.Link, ip net.IP) {
	fd, err := arpSocket(l)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	_ = arp(fd, l, ip, ip) // their entries expire anyway
}

func arpSocket(l netlink.Link) (int, error) {
	kind := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ARP))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(kind))
	if err != nil {
		return -1, err
	}
	err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: kind, Ifindex: l.Attrs().Index})
	if err == nil {
		brief := unix.NsecToTimeval(int64(probeWait / 4))
		err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &brief)
	}
	if err != nil {
		unix.Close(fd)
	}
	return fd, err
}

// arp sends an ARP request for ip with the sender address from (RFC 826; 28 bytes for Ethernet and IPv4).
func arp(fd int, l netlink.Link, from, ip net.IP) error {
	p := []byte{0, 1, 8, 0, 6, 4, 0, 1}
	p = append(append(p, l.Attrs().HardwareAddr...), from.To4()...)
	p = append(append(p, 0, 0, 0, 0, 0, 0), ip.To4()...)
	kind := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ARP))
	to := &unix.SockaddrLinklayer{Protocol: kind, Ifindex: l.Attrs().Index, Halen: 6, Addr: [8]byte{255, 255, 255, 255, 255, 255}}
	return unix.Sendto(fd, p, 0, to)
}

// heard reads one frame and returns the sender if it claims ip, or probes for it as well.
func heard(fd int, l netlink.Link, ip net.IP) net.HardwareAddr {
	b := make([]byte, 64)
	n, _, err := unix.Recvfrom(fd, b, 0)
	if err != nil || n < 28 || b[4] != 6 || b[5] != 4 {
		return nil
	}
	sender, has, asks := net.HardwareAddr(b[8:14]), net.IP(b[14:18]), net.IP(b[24:28])
	if sender.String() == l.Attrs().HardwareAddr.String() {
		return nil
	}
	if has.Equal(ip) || has.Equal(net.IPv4zero) && asks.Equal(ip) {
		return sender
	}
	return nil
}
