package address

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/k3s/flags"
)

// alone moves the test into its own network namespace, with the interfaces named.
func alone(t *testing.T, names ...string) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread, and its namespace, end with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("network namespace: %v", err)
	}
	for _, name := range names {
		far := name[:4] + "-far"
		if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: far}); err != nil {
			t.Fatal(err)
		}
		for _, end := range []string{name, far} {
			if err := netlink.LinkSetUp(link(t, end)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func link(t *testing.T, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func addr(t *testing.T, text string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	a.Flags = unix.IFA_F_NODAD
	return a
}

func add(t *testing.T, name, text string) {
	t.Helper()
	if err := netlink.AddrAdd(link(t, name), addr(t, text)); err != nil {
		t.Fatal(err)
	}
}

func del(t *testing.T, name, text string) {
	t.Helper()
	if err := netlink.AddrDel(link(t, name), addr(t, text)); err != nil {
		t.Fatal(err)
	}
}

func route(t *testing.T, name, dst string, metric int) {
	t.Helper()
	_, n, err := net.ParseCIDR(dst)
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.RouteAdd(&netlink.Route{Dst: n, LinkIndex: link(t, name).Attrs().Index, Priority: metric}); err != nil {
		t.Fatal(err)
	}
}

func config(t *testing.T, args ...string) *flags.Config {
	t.Helper()
	c, _, err := flags.Parse(append([]string{"--config=/nonexistent", "--node-name=n"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func identify(t *testing.T, c *flags.Config) Identity {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var why error
	id, err := Identify(ctx, c, func(reason error) { why = reason })
	if err != nil {
		t.Fatalf("%v: %v", err, why)
	}
	return id
}

// follow runs Follow on a thread in the same namespace.
func follow(t *testing.T, id Identity, c *flags.Config, change func()) (Identity, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), steady+10*time.Second)
	defer cancel()
	began := time.Now()
	timer := make(chan struct{})
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(home)
	var next Identity
	go func() {
		defer close(timer)
		runtime.LockOSThread()
		if err := unix.Setns(home, unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			return
		}
		next, _ = id.Follow(ctx, c)
	}()
	time.Sleep(300 * time.Millisecond)
	change()
	<-timer
	return next, time.Since(began)
}

func TestBestRouteAndFamily(t *testing.T) {
	alone(t, "eth0", "eth1", lonely)
	add(t, "eth0", "10.77.0.5/24")
	add(t, "eth0", "fd77::5/64")
	add(t, "eth1", "10.78.0.5/24")
	add(t, lonely, "203.0.113.254/31")
	route(t, lonely, "0.0.0.0/0", 1<<32-1)
	if got := identify(t, config(t)); got != (Identity{"n", "203.0.113.254", lonely}) {
		t.Errorf("with no network: %+v", got)
	}
	route(t, "eth1", "0.0.0.0/0", 200)
	route(t, "eth0", "0.0.0.0/0", 100)
	route(t, "eth0", "::/0", 100)
	if got := identify(t, config(t)); got != (Identity{"n", "10.77.0.5", "eth0"}) {
		t.Errorf("IPv4: %+v", got)
	}
	v6 := config(t, "--cluster-cidr=fd42::/56", "--service-cidr=fd43::/112")
	if got := identify(t, v6); got != (Identity{"n", "fd77::5", "eth0"}) {
		t.Errorf("IPv6: %+v", got)
	}
	if got := identify(t, config(t, "--node-ip=10.78.0.5")); got != (Identity{"n", "10.78.0.5", "eth1"}) {
		t.Errorf("given: %+v", got)
	}
}

// TestFollows: when the address is removed the new one is used once it is steady; while it exists it is kept, whatever
// else appears.
func TestFollows(t *testing.T) {
	alone(t, "eth0", lonely)
	c := config(t)
	add(t, lonely, "203.0.113.254/31")
	route(t, lonely, "0.0.0.0/0", 1<<32-1)
	id := identify(t, c)

	next, _ := follow(t, id, c, func() { // a network appears; the address of proa-alone still exists
		add(t, "eth0", "10.77.0.5/24")
		route(t, "eth0", "0.0.0.0/0", 100)
	})
	if next != (Identity{"n", "10.77.0.5", "eth0"}) {
		t.Fatalf("from the lonely address to %+v", next)
	}
	next, took := follow(t, next, c, func() { // DHCP gives another one, in two steps
		del(t, "eth0", "10.77.0.5/24")
		time.Sleep(time.Second)
		add(t, "eth0", "10.77.0.9/24")
		route(t, "eth0", "0.0.0.0/0", 100)
	})
	if next != (Identity{"n", "10.77.0.9", "eth0"}) || took < steady || took > steady+5*time.Second {
		t.Fatalf("to %+v after %s", next, took)
	}
	stays, took := follow(t, next, c, func() { // a further address, and a short absence of the own one
		add(t, "eth0", "10.77.0.10/24")
		del(t, "eth0", "10.77.0.9/24")
		time.Sleep(time.Second)
		add(t, "eth0", "10.77.0.9/24")
	})
	if stays != next || took < steady+9*time.Second {
		t.Errorf("moved to %+v after %s", stays, took)
	}
}
