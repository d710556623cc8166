// Command accesspoint makes the simulated radio wlan1 an access point: it moves the radio to its own network namespace,
// serves the lease 10.88.0.15 there by DHCP, and keeps wpa_supplicant running with the given configuration. To change
// that, rewrite the file and kill the process in /run/accesspoint.pid.
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const radio = "wlan1"

func main() {
	do := outside
	if len(os.Args) > 2 {
		do = inside
	}
	if err := do(os.Args[1]); err != nil {
		fmt.Println("accesspoint:", err)
		os.Exit(1)
	}
}

// outside starts the same program in a namespace and moves the radio there.
func outside(conf string) error {
	index, err := os.ReadFile("/sys/class/net/" + radio + "/phy80211/index")
	if err != nil {
		return err
	}
	phy, err := strconv.Atoi(strings.TrimSpace(string(index)))
	if err != nil {
		return err
	}
	c := exec.Command("/proc/self/exe", conf, "inside")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return err
	}
	if err := giveAway(phy, c.Process.Pid); err != nil {
		return fmt.Errorf("give phy%d to process %d: %w", phy, c.Process.Pid, err)
	}
	return c.Wait()
}

// giveAway does what `iw phy PHY set netns PID` does.
func giveAway(phy, pid int) error {
	family, err := netlink.GenlFamilyGet("nl80211")
	if err != nil {
		return err
	}
	req := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_ACK)
	req.AddData(&nl.Genlmsg{Command: unix.NL80211_CMD_SET_WIPHY_NETNS, Version: 1})
	for attr, value := range map[int]int{unix.NL80211_ATTR_WIPHY: phy, unix.NL80211_ATTR_PID: pid} {
		req.AddData(nl.NewRtAttr(attr, binary.NativeEndian.AppendUint32(nil, uint32(value))))
	}
	_, err = req.Execute(unix.NETLINK_GENERIC, 0)
	return err
}

func inside(conf string) error {
	link, err := netlink.LinkByName(radio)
	for ; err != nil; link, err = netlink.LinkByName(radio) {
		time.Sleep(100 * time.Millisecond)
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 88, 0, 1), Mask: net.CIDRMask(24, 32)}}); err != nil {
		return err
	}
	s, err := server4.NewServer(radio, &net.UDPAddr{Port: dhcpv4.ServerPort}, answer)
	if err != nil {
		return err
	}
	go s.Serve()
	for {
		c := exec.Command("/usr/sbin/wpa_supplicant", "-Dnl80211", "-i"+radio, "-c"+conf)
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Start(); err != nil {
			return err
		}
		if err := os.WriteFile("/run/accesspoint.pid", []byte(strconv.Itoa(c.Process.Pid)), 0o600); err != nil {
			return err
		}
		fmt.Println("accesspoint: ended:", c.Wait())
	}
}

func answer(conn net.PacketConn, _ net.Addr, m *dhcpv4.DHCPv4) {
	kind := dhcpv4.MessageTypeOffer
	if m.MessageType() == dhcpv4.MessageTypeRequest {
		kind = dhcpv4.MessageTypeAck
	}
	own := net.IPv4(10, 88, 0, 1)
	reply, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(kind), dhcpv4.WithServerIP(own), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(own)),
		dhcpv4.WithYourIP(net.IPv4(10, 88, 0, 15)), dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithRouter(own), dhcpv4.WithLeaseTime(3600))
	if err == nil {
		_, err = conn.WriteTo(reply.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: dhcpv4.ClientPort})
	}
	fmt.Println("accesspoint: dhcp", m.MessageType(), err)
}
