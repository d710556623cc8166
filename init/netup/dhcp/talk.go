package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/netup/outside"
)

// Timeout of the first try, doubled with each one, and the number of tries.
const (
	answerWait   = 2 * time.Second
	answerTries  = 3
	confirmWait  = 1 * time.Second // a server that knows the address answers at once
	confirmTries = 2
)

// refusal is a server's NAK.
type refusal struct{ server, text string }

func (r *refusal) Error() string {
	if r.text == "" {
		return "refused by " + r.server
	}
	return "refused by " + r.server + ": " + r.text
}

func join(list []string) string { return strings.Join(list, ", ") }

// ask sends DISCOVER and REQUEST. It takes the first valid offer; other servers see that from the REQUEST (section
// 3.1).
func (d *Client) ask(ctx context.Context) (*Lease, error) {
	c, err := d.broadcast(answerWait, answerTries)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	discover, err := dhcpv4.NewDiscovery(c.InterfaceAddr(), d.wants(d.wished())...)
	if err != nil {
		return nil, err
	}
	offer, err := c.SendAndRead(ctx, nclient4.DefaultServers, discover, offers)
	if err != nil {
		return nil, fmt.Errorf("no offer: %w", err)
	}
	request, err := dhcpv4.NewRequestFromOffer(offer, d.wants(nil)...)
	if err != nil {
		return nil, err
	}
	lease, err := d.exchange(ctx, c, request, offer.ServerIdentifier())
	if err == nil && (d.lease == nil || !lease.Address.IP.Equal(d.lease.Address.IP)) {
		err = d.unused(ctx, c, lease)
	}
	return lease, err
}

// wished requests the current address again, if there is one (section 4.4.1).
func (d *Client) wished() dhcpv4.Modifier {
	if d.lease == nil {
		return nil
	}
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(d.lease.Address.IP))
}

// offers skips invalid offers, so that a later valid one is used.
func offers(p *dhcpv4.DHCPv4) bool {
	lease, err := ParseACK(p)
	return p.MessageType() == dhcpv4.MessageTypeOffer && err == nil && lease.Server != nil
}

// confirm broadcasts a REQUEST for the current address (section 4.3.2, INIT-REBOOT: with requested address, without
// server identifier and sender address).
func (d *Client) confirm(ctx context.Context) (*Lease, error) {
	c, err := d.broadcast(confirmWait, confirmTries)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	request, err := d.request(c, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(d.lease.Address.IP)))
	if err != nil {
		return nil, err
	}
	return d.exchange(ctx, c, request, nil)
}

// extend renews the lease from its server, extendAnywhere from any server (section 4.3.2, RENEWING and REBINDING: the
// address is the sender's).
func (d *Client) extend(ctx context.Context) (*Lease, error) { return d.prolong(ctx, d.unicast) }

func (d *Client) extendAnywhere(ctx context.Context) (*Lease, error) {
	return d.prolong(ctx, func() (*nclient4.Client, error) { return d.broadcast(answerWait, answerTries) })
}

func (d *Client) prolong(ctx context.Context, reach func() (*nclient4.Client, error)) (*Lease, error) {
	c, err := reach()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	request, err := d.request(c, dhcpv4.WithClientIP(d.lease.Address.IP))
	if err != nil {
		return nil, err
	}
	return d.exchange(ctx, c, request, nil)
}

func (d *Client) request(c *nclient4.Client, how dhcpv4.Modifier) (*dhcpv4.DHCPv4, error) {
	kind := dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest)
	return dhcpv4.New(append(d.wants(how), kind, dhcpv4.WithHwAddr(c.InterfaceAddr()))...)
}

// exchange sends a request and reads the answer. With server nil any server's answer counts, because the address may
// belong to another network now; otherwise only that server's. An invalid answer is ignored.
func (d *Client) exchange(ctx context.Context, c *nclient4.Client, request *dhcpv4.DHCPv4, server net.IP) (*Lease, error) {
	answer, err := c.SendAndRead(ctx, c.RemoteAddr(), request, func(p *dhcpv4.DHCPv4) bool {
		id := p.ServerIdentifier()
		if server != nil && id != nil && !id.Equal(server) {
			return false
		}
		_, err := ParseACK(p)
		return p.MessageType() == dhcpv4.MessageTypeNak || p.MessageType() == dhcpv4.MessageTypeAck && err == nil
	})
	if err != nil {
		return nil, fmt.Errorf("no answer: %w", err)
	}
	if answer.MessageType() == dhcpv4.MessageTypeNak {
		no := &refusal{server: "a server without a name"}
		if id := answer.ServerIdentifier(); id != nil {
			no.server = id.String()
		}
		if text := answer.Message(); text != "" {
			no.text = outside.Short(text)
		}
		return nil, no
	}
	lease, err := ParseACK(answer)
	if lease.Server == nil {
		lease.Server = server
	}
	if err == nil && d.lease != nil {
		lease = lease.completed(answer, *d.lease)
	}
	return &lease, err
}

// wants returns the options of all our messages.
func (d *Client) wants(more dhcpv4.Modifier) []dhcpv4.Modifier {
	list := []dhcpv4.Modifier{
		dhcpv4.WithOption(dhcpv4.OptHostName(d.Hostname)),
		dhcpv4.WithOption(dhcpv4.OptMaxMessageSize(nclient4.MaxMessageSize)),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer, dhcpv4.OptionDomainName,
			dhcpv4.OptionDNSDomainSearchList, dhcpv4.OptionNTPServers, dhcpv4.OptionClasslessStaticRoute, dhcpv4.OptionRenewTimeValue, dhcpv4.OptionInterfaceMTU,
			dhcpv4.OptionRebindingTimeValue),
	}
	if more != nil {
		list = append(list, more)
	}
	return list
}

// broadcast returns a client that works without an address and receives broadcast answers.
func (d *Client) broadcast(wait time.Duration, tries int) (*nclient4.Client, error) {
	return nclient4.New(d.Link.Attrs().Name, nclient4.WithTimeout(wait), nclient4.WithRetry(tries))
}

// unicast returns a client that sends from the current address through its interface.
func (d *Client) unicast() (*nclient4.Client, error) {
	name := d.Link.Attrs().Name
	here := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) {
			err = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.BindToDevice(int(fd), name))
		}), err)
	}}
	conn, err := here.ListenPacket(context.Background(), "udp4", fmt.Sprintf("%s:%d", d.lease.Address.IP, dhcpv4.ClientPort))
	if err != nil {
		return nil, err
	}
	c, err := nclient4.NewWithConn(conn, d.Link.Attrs().HardwareAddr, nclient4.WithTimeout(answerWait), nclient4.WithRetry(answerTries),
		nclient4.WithServerAddr(&net.UDPAddr{IP: d.lease.Server, Port: dhcpv4.ServerPort}))
	if err != nil {
		conn.Close()
	}
	return c, err
}
