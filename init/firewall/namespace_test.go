package firewall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/nettest"
	"github.com/proa-os/proa/init/sys"
)

// isolated runs the test again in its own network namespace, which represents the node.
func isolated(t *testing.T) bool {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("no nft here: the filter is judged by the kernel, which needs it")
	}
	return nettest.Inside(t, 0)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// place is a host in the test: the node, another machine on its network, or a pod.
type place struct {
	*netlink.Handle
	ns netns.NsHandle
}

// at runs do on a thread in the place's namespace; sockets created by it stay there.
func (p place) at(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := netns.Set(p.ns)
		if err == nil {
			err = do()
		}
		done <- err
	}()
	return <-done
}

func here(t *testing.T) place {
	t.Helper()
	ns, err := netns.Get()
	must(t, err)
	return whole(t, ns)
}

func elsewhere(t *testing.T) place {
	t.Helper()
	made := make(chan netns.NsHandle, 1)
	go func() {
		runtime.LockOSThread()
		ns, err := netns.New()
		if err != nil {
			ns = netns.None()
		}
		made <- ns
	}()
	return whole(t, <-made)
}

func whole(t *testing.T, ns netns.NsHandle) place {
	t.Helper()
	h, err := netlink.NewHandleAt(ns)
	must(t, err)
	p := place{h, ns}
	p.up(t, "lo")
	return p
}

func (p place) up(t *testing.T, name string, addrs ...string) {
	t.Helper()
	l, err := p.LinkByName(name)
	must(t, err)
	for _, a := range addrs {
		parsed, err := netlink.ParseAddr(a)
		must(t, err)
		parsed.Flags = unix.IFA_F_NODAD
		must(t, p.AddrAdd(l, parsed))
	}
	must(t, p.LinkSetUp(l))
}

func (p place) route(t *testing.T, to, via string) {
	t.Helper()
	_, dst, err := net.ParseCIDR(to)
	must(t, err)
	must(t, p.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)}))
}

// cable connects two places with a veth pair.
func cable(t *testing.T, a place, name string, b place, other string) {
	t.Helper()
	must(t, a.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: other}))
	l, err := a.LinkByName(other)
	must(t, err)
	must(t, a.LinkSetNsFd(l, int(b.ns)))
}

// serve echoes on a TCP or UDP port of a place.
func (p place) serve(t *testing.T, network, address string) {
	t.Helper()
	must(t, p.at(func() error {
		if network == "udp" {
			c, err := net.ListenPacket("udp", address)
			if err == nil {
				t.Cleanup(func() { c.Close() })
				go echo(c)
			}
			return err
		}
		l, err := net.Listen("tcp", address)
		if err == nil {
			t.Cleanup(func() { l.Close() })
			go accepts(l)
		}
		return err
	}))
}

func echo(c net.PacketConn) {
	b := make([]byte, 64)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		c.WriteTo(b[:n], from)
	}
}

func accepts(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { defer c.Close(); io.Copy(c, c) }()
	}
}

// patience is the timeout of an answer; an emulated machine is slow.
func patience() time.Duration {
	if os.Getenv(guest) != "" {
		return 3 * time.Second
	}
	return 400 * time.Millisecond
}

// reaches says whether a port answers from a place.
func (p place) reaches(network, address string) bool {
	return p.at(func() error {
		c, err := net.DialTimeout(network, address, patience())
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience()))
		if _, err := c.Write([]byte("ahoy")); err != nil {
			return err
		}
		b := make([]byte, 4)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "ahoy" {
			return errors.Join(err, fmt.Errorf("answered %q", b))
		}
		return nil
	}) == nil
}

// scene is a node with a pod on its bridge, and another machine on its network that has routes to everything. Addresses
// of Services and NodePorts are translated at the same hooks as by kube-proxy and portmap.
type scene struct{ node, lan, pod place }

const translations = `
table ip kube {
	chain nat {
		type nat hook prerouting priority -100; policy accept;
		ip daddr 10.43.0.10 tcp dport 80 dnat to 10.42.0.2:80
		ip daddr 10.9.0.1 tcp dport 30080 dnat to 10.42.0.2:80
		ip daddr 10.9.0.1 tcp dport 80 dnat to 10.42.0.2:80
		ip daddr 10.9.0.1 tcp dport 30081 dnat to 10.9.0.1:9090
	}
}
`

func stage(t *testing.T) scene {
	t.Helper()
	s := scene{here(t), elsewhere(t), elsewhere(t)}
	cable(t, s.node, "eth0", s.lan, "lan0")
	cable(t, s.node, "vethpod", s.pod, "pod0")
	must(t, s.node.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "cni0"}}))
	bridge, err := s.node.LinkByName("cni0")
	must(t, err)
	port, err := s.node.LinkByName("vethpod")
	must(t, err)
	must(t, s.node.LinkSetMaster(port, bridge))
	s.node.up(t, "vethpod")
	s.node.up(t, "cni0", "10.42.0.1/24")
	s.node.up(t, "eth0", "10.9.0.1/24", "fd00:9::1/64")
	s.lan.up(t, "lan0", "10.9.0.2/24", "10.9.0.3/24", "fd00:9::2/64")
	s.pod.up(t, "pod0", "10.42.0.2/24")
	s.pod.route(t, "0.0.0.0/0", "10.42.0.1")
	s.lan.route(t, "10.42.0.0/15", "10.9.0.1")
	must(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644))
	nft(t, translations)
	for _, port := range []string{"22", "6443", "10250", "8080", "9090", "111"} {
		s.node.serve(t, "tcp", ":"+port)
	}
	for _, port := range []string{"8472", "5353", "30053"} {
		s.node.serve(t, "udp", "0.0.0.0:"+port)
	}
	s.pod.serve(t, "tcp", ":80")
	s.lan.serve(t, "tcp", ":80")
	return s
}

func nft(t *testing.T, text string) {
	t.Helper()
	c := exec.Command("nft", "-f", "-")
	c.Stdin = strings.NewReader(text)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
}

// local writes the table to a file of the test. On a host the pods' cgroup is that of this process, because the test
// must not create others.
type local struct {
	sys.Linux
	file string
}

func (l local) MkdirAll(string, os.FileMode) error { return nil }
func (l local) WriteFile(_ string, b []byte, mode os.FileMode) error {
	return os.WriteFile(l.file, b, mode)
}
func (l local) Run(ctx context.Context, argv ...string) (string, error) {
	return l.Linux.Run(ctx, argv[0], argv[1], l.file)
}

func documented(t *testing.T, doc string) *config.Config {
	t.Helper()
	c, problems := config.Parse("c", []byte(doc))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c
}

// way is one connection attempt.
type way struct {
	what    string
	from    func(scene) place
	network string
	address string
	open    bool // with the filter; without it, all are open
}

func node(s scene) place { return s.node }
func lan(s scene) place  { return s.lan }
func pod(s scene) place  { return s.pod }

func ways() []way {
	return []way{
		{"SSH", lan, "tcp", "10.9.0.1:22", true},
		{"SSH by IPv6, which needs neighbour discovery", lan, "tcp", "[fd00:9::1]:22", true},
		{"API", lan, "tcp", "10.9.0.1:6443", true},
		{"kubelet", lan, "tcp", "10.9.0.1:10250", true},
		{"another port of the node", lan, "tcp", "10.9.0.1:9090", false},
		{"a service that nobody knows of", lan, "tcp", "10.9.0.1:111", false},
		{"the same by IPv6", lan, "tcp", "[fd00:9::1]:111", false},
		{"the same by the address of the pods' bridge", lan, "tcp", "10.42.0.1:111", false},
		{"flannel's tunnel", lan, "udp", "10.9.0.1:8472", false},
		{"mDNS", lan, "udp", "10.9.0.1:5353", false},
		{"NodePort of UDP", lan, "udp", "10.9.0.1:30053", true},
		{"NodePort that leads to a pod", lan, "tcp", "10.9.0.1:30080", true},
		{"hostPort or load balancer", lan, "tcp", "10.9.0.1:80", true},
		{"NodePort whose pod is on the host's network", lan, "tcp", "10.9.0.1:30081", true},
		{"the pod itself", lan, "tcp", "10.42.0.2:80", false},
		{"the Service's address", lan, "tcp", "10.43.0.10:80", false},
		{"pod to the world", pod, "tcp", "10.9.0.2:80", true},
		{"pod to a Service", pod, "tcp", "10.43.0.10:80", true},
		{"pod to any port of its node", pod, "tcp", "10.42.0.1:111", true},
		{"pod to its node's other address", pod, "tcp", "10.9.0.1:6443", true},
		{"node to the world", node, "tcp", "10.9.0.2:80", true},
		{"node to the pod, as a probe", node, "tcp", "10.42.0.2:80", true},
		{"node to itself", node, "tcp", "10.9.0.1:111", true},
		{"node to itself by loopback", node, "tcp", "127.0.0.1:111", true},
	}
}

// hairpin: a pod that connects to its own Service gets an answer only with kube-proxy's masquerading.
func (w way) hairpin() bool { return w.what == "pod to a Service" }

// opens says whether the way is open after a while: on a busy machine a server or a link that was just made takes some time.
func (w way) opens(s scene) bool {
	for range 10 {
		if w.from(s).reaches(w.network, w.address) {
			return true
		}
	}
	return false
}

// TestFilter sends real packets through the kernel's filter. Without the table everything is open, so the table closes
// what is closed.
func TestFilter(t *testing.T) {
	if !isolated(t) {
		return
	}
	s := stage(t)
	f := &Filter{Sys: local{file: t.TempDir() + "/nft"}, Logf: t.Logf}
	ctx := t.Context()
	for _, w := range ways() {
		if !w.hairpin() && !w.opens(s) {
			t.Errorf("without the filter: %s: closed", w.what)
		}
	}
	must(t, f.Set(ctx, documented(t, "")))
	for _, w := range ways() {
		if got := w.from(s).reaches(w.network, w.address); !w.hairpin() && got != w.open {
			t.Errorf("%s: open is %t, want %t", w.what, got, w.open)
		}
	}
	if !pings(s.lan, "10.9.0.1") {
		t.Error("no answer to ping")
	}
	if out, err := exec.Command("nft", "list", "table", "ip", "kube").CombinedOutput(); err != nil || !strings.Contains(string(out), "30080") {
		t.Errorf("another's table: %s %v", out, err)
	}
}

// TestConfig: ports that the configuration opens are open for the given sources; ports that it removes are closed;
// established connections continue.
func TestConfig(t *testing.T) {
	if !isolated(t) {
		return
	}
	s := stage(t)
	f := &Filter{Sys: local{file: t.TempDir() + "/nft"}, Logf: t.Logf}
	ctx := t.Context()
	for _, c := range []struct {
		doc                  string
		web, other, mdns, in bool
	}{
		{"", false, false, false, false},
		{"network: {firewall: {allow: [tcp/8080]}}\n", true, false, false, false},
		{"network: {firewall: {allow: [tcp/8080-9090, udp/5353 from 10.9.0.0/24]}}\n", true, true, true, false},
		{"network: {firewall: {allow: [tcp/8080 from 192.0.2.1, udp/5353 from fd00:9::/64]}}\n", false, false, false, false},
		{"network: {firewall: {inside: [eth*]}}\n", true, true, true, true},
		{"", false, false, false, false},
		{"network: {firewall: {enabled: false}}\n", true, true, true, true},
		{"k3s: {enabled: false}\n", false, false, false, true},
	} {
		must(t, f.Set(ctx, documented(t, c.doc)))
		got := []bool{s.lan.reaches("tcp", "10.9.0.1:8080"), s.lan.reaches("tcp", "10.9.0.1:9090"), s.lan.reaches("udp", "10.9.0.1:5353"), s.lan.reaches("tcp", "10.43.0.10:80")}
		if want := []bool{c.web, c.other, c.mdns, c.in}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", c.doc, got, want)
		}
	}
	must(t, f.Set(ctx, documented(t, "network: {firewall: {allow: [tcp/8080]}}\n")))
	must(t, s.lan.at(func() error {
		c, err := net.DialTimeout("tcp", "10.9.0.1:8080", time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := f.Set(ctx, documented(t, "")); err != nil {
			return err
		}
		c.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.Write([]byte("ahoy")); err != nil {
			return err
		}
		_, err = io.ReadFull(c, make([]byte, 4))
		return err
	}))
}

// TestNodes: another node's tunnel is accepted once flannel has added it to the kernel, and no other one.
func TestNodes(t *testing.T) {
	if !isolated(t) {
		return
	}
	s := stage(t)
	f := &Filter{Sys: local{file: t.TempDir() + "/nft"}, Logf: t.Logf}
	must(t, f.Set(t.Context(), documented(t, "")))
	must(t, s.node.LinkAdd(&netlink.Vxlan{LinkAttrs: netlink.LinkAttrs{Name: tunnel}, VxlanId: 1, Port: 18472}))
	s.node.up(t, tunnel)
	l, err := s.node.LinkByName(tunnel)
	must(t, err)
	must(t, f.refresh(t.Context(), tunnels(), routes()))
	if s.lan.reaches("udp", "10.9.0.1:8472") {
		t.Error("open without another node")
	}
	mac, _ := net.ParseMAC("02:00:00:00:00:09")
	must(t, s.node.NeighSet(&netlink.Neigh{LinkIndex: l.Attrs().Index, Family: unix.AF_BRIDGE, State: netlink.NUD_PERMANENT, Flags: netlink.NTF_SELF, IP: net.IPv4(10, 9, 0, 2), HardwareAddr: mac}))
	must(t, f.refresh(t.Context(), tunnels(), routes()))
	if !s.lan.reaches("udp", "10.9.0.1:8472") {
		t.Errorf("closed for another node; known are %v", tunnels())
	}
	if s.lan.reaches("tcp", "10.9.0.1:111") {
		t.Error("another node reaches more than the tunnel")
	}
}

// TestBroken: if nft refuses a table the previous one stays in force, and an error is returned.
func TestBroken(t *testing.T) {
	if !isolated(t) {
		return
	}
	s := stage(t)
	f := &Filter{Sys: local{file: t.TempDir() + "/nft"}, Logf: t.Logf}
	must(t, f.Set(t.Context(), documented(t, "")))
	err := f.put(t.Context(), Rules{Ports: []string{"tcp dport nonsense"}})
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("%v", err)
	}
	if s.lan.reaches("tcp", "10.9.0.1:111") || !s.lan.reaches("tcp", "10.9.0.1:22") {
		t.Error("the table before is gone")
	}
}

// pings sends one echo request and waits for the reply.
func pings(p place, to string) bool {
	return p.at(func() error {
		c, err := net.Dial("ip4:icmp", to)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.Write([]byte{8, 0, 0xf7, 0xfd, 0, 1, 0, 1}); err != nil {
			return err
		}
		for b := make([]byte, 128); ; {
			n, err := c.Read(b)
			if err != nil || n > 20 && b[20] == 0 { // after the IP header
				return err
			}
		}
	}) == nil
}

// TestOpenings: nft accepts what the schema accepts, and the schema accepts nothing that nft would parse as more than
// an opening.
func TestOpenings(t *testing.T) {
	if !isolated(t) {
		return
	}
	for entry, want := range map[string]bool{
		"tcp/1": true, "udp/65535": true, "tcp/1-65535": true, "tcp/80 from 0.0.0.0/0": true, "tcp/80 from ::/0": true, "tcp/80-80": true,
		"udp/53 from 10.0.0.5/8": true, "udp/53 from 10.0.0.5": true, "udp/53 from fe80::1": true, "tcp/80 from ::ffff:10.0.0.1": true, "tcp/9-10": true,
		"tcp/0": false, "tcp/65536": false, "tcp/90-80": false, "icmp/8": false, "tcp": false, "tcp/80 accept": false, "tcp/80; drop": false,
		"tcp/80 from 10.0.0.0/33": false, "tcp/80 from fe80::1%eth0": false, "tcp/80 from any": false, "tcp/80 from ": false, "TCP/80": false, "tcp/80,90": false,
	} {
		c, problems := config.Parse("c", []byte("network: {firewall: {allow: ['"+entry+"']}}\n"))
		if taken := len(problems) == 0; taken != want {
			t.Errorf("%q: taken %t: %v", entry, taken, problems)
		}
		f := &Filter{Sys: local{file: t.TempDir() + "/nft"}, Logf: t.Logf}
		if err := f.Set(t.Context(), c); err != nil {
			t.Errorf("%q: %v", entry, err)
		}
	}
}
