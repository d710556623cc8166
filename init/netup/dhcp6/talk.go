package dhcp6

import (
	"context"
	"fmt"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/dhcpv6/nclient6"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/proa-os/proa/init/netup/wait"
)

// Timeout of the first try, doubled with each one, and the number of tries.
const (
	answerWait   = time.Second
	answerTries  = 4
	releaseTries = 1
)

// How long the link-local address may be tentative: until it is known to be unique it cannot be used.
const (
	localPatience = 10 * time.Second
	localLook     = 200 * time.Millisecond
)

// open returns a client that sends from the link-local address.
func (d *Client) open(ctx context.Context, tries int, patience time.Duration) (c *nclient6.Client, err error) {
	for end := time.Now().Add(patience); ; {
		c, err = nclient6.New(d.Link.Attrs().Name, nclient6.WithTimeout(answerWait), nclient6.WithRetry(tries))
		if err == nil || time.Now().After(end) || wait.For(ctx, nil, localLook) == wait.Gone {
			return c, err
		}
	}
}

// duid identifies this machine to servers by the interface's hardware address (section 11.4).
func (d *Client) duid() dhcpv6.DUID {
	return &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: d.Link.Attrs().HardwareAddr}
}

// message returns a message with the addresses of a lease, if there is one.
func (d *Client) message(kind dhcpv6.MessageType, lease *Lease, server dhcpv6.DUID) (*dhcpv6.Message, error) {
	m, err := dhcpv6.NewMessage()
	if err != nil {
		return nil, err
	}
	m.MessageType = kind
	m.AddOption(dhcpv6.OptClientID(d.duid()))
	if server != nil {
		m.AddOption(dhcpv6.OptServerID(server))
	}
	ia := &dhcpv6.OptIANA{}
	if mac := d.Link.Attrs().HardwareAddr; len(mac) >= 4 {
		copy(ia.IaId[:], mac[len(mac)-4:])
	}
	if lease != nil {
		for _, a := range lease.Addresses {
			ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: a.IP})
		}
	}
	m.AddOption(ia)
	m.AddOption(dhcpv6.OptElapsedTime(0))
	if kind != dhcpv6.MessageTypeRelease && kind != dhcpv6.MessageTypeConfirm {
		m.AddOption(dhcpv6.OptRequestedOption(dhcpv6.OptionDNSRecursiveNameServer, dhcpv6.OptionDomainSearchList,
			dhcpv6.OptionNTPServer))
	}
	return m, nil
}

// exchange sends a message and returns the answer of a kind that is for this machine and that ok accepts.
func (d *Client) exchange(ctx context.Context, c *nclient6.Client, m *dhcpv6.Message, kind dhcpv6.MessageType,
	ok func(*dhcpv6.Message) bool) (*dhcpv6.Message, error) {
	answer, err := c.SendAndRead(ctx, c.RemoteAddr(), m, func(a *dhcpv6.Message) bool {
		id := a.Options.ClientID()
		return a.MessageType == kind && id != nil && id.Equal(d.duid()) && ok(a)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.MessageType, err)
	}
	return answer, nil
}

// ask sends Solicit and Request. It takes the first Advertise with a valid address.
func (d *Client) ask(ctx context.Context) (*Lease, error) {
	c, err := d.open(ctx, answerTries, localPatience)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	solicit, err := d.message(dhcpv6.MessageTypeSolicit, nil, nil)
	if err != nil {
		return nil, err
	}
	var offer Lease
	_, err = d.exchange(ctx, c, solicit, dhcpv6.MessageTypeAdvertise, func(m *dhcpv6.Message) bool {
		var err error
		offer, err = Parse(m)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return d.request(ctx, c, dhcpv6.MessageTypeRequest, &offer, offer.Server)
}

// request sends a Request, Renew or Rebind, and returns the lease of the Reply. With a server only its answer counts.
func (d *Client) request(ctx context.Context, c *nclient6.Client, kind dhcpv6.MessageType, lease *Lease,
	server dhcpv6.DUID) (*Lease, error) {
	m, err := d.message(kind, lease, server)
	if err != nil {
		return nil, err
	}
	answer, err := d.exchange(ctx, c, m, dhcpv6.MessageTypeReply, func(a *dhcpv6.Message) bool {
		id := a.Options.ServerID()
		return id != nil && (server == nil || id.Equal(server))
	})
	if err != nil {
		return nil, err
	}
	got, err := Parse(answer)
	return &got, err
}

func (d *Client) extend(ctx context.Context) (*Lease, error) {
	return d.prolong(ctx, dhcpv6.MessageTypeRenew, d.lease.Server)
}

func (d *Client) extendAnywhere(ctx context.Context) (*Lease, error) {
	return d.prolong(ctx, dhcpv6.MessageTypeRebind, nil)
}

func (d *Client) prolong(ctx context.Context, kind dhcpv6.MessageType, server dhcpv6.DUID) (*Lease, error) {
	c, err := d.open(ctx, answerTries, localPatience)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return d.request(ctx, c, kind, d.lease, server)
}

// fits sends Confirm. A server that finds that the addresses are not of this network refuses.
func (d *Client) fits(ctx context.Context) (*Lease, error) {
	c, err := d.open(ctx, answerTries, localPatience)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	m, err := d.message(dhcpv6.MessageTypeConfirm, d.lease, nil)
	if err != nil {
		return nil, err
	}
	answer, err := d.exchange(ctx, c, m, dhcpv6.MessageTypeReply, func(*dhcpv6.Message) bool { return true })
	if err != nil {
		return nil, err
	}
	return d.lease, refused(answer.Options.Status())
}

// release gives the addresses back (section 18.2.7).
func (d *Client) release(ctx context.Context) error {
	c, err := d.open(ctx, releaseTries, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	m, err := d.message(dhcpv6.MessageTypeRelease, d.lease, d.lease.Server)
	if err != nil {
		return err
	}
	_, err = d.exchange(ctx, c, m, dhcpv6.MessageTypeReply, func(*dhcpv6.Message) bool { return true })
	return err
}
