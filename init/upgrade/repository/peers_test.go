package repository_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	bench "github.com/proa-os/proa/build/bench/engine"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/fetch/fetchtest"
	"github.com/proa-os/proa/init/nettest"
	"github.com/proa-os/proa/init/upgrade/claim"
	"github.com/proa-os/proa/init/upgrade/peers"
	giving "github.com/proa-os/proa/init/upgrade/peers/serve"
	"github.com/proa-os/proa/init/upgrade/peers/share"
	"github.com/proa-os/proa/init/upgrade/transport"
)

// nodeVariable makes this program a machine of a site, with that address: the service that gives pieces to others, which
// starts the engine as a program of its own. fetchVariable has the path of proa-fetch.
const nodeVariable, fetchVariable = "PROA_TEST_NODE", "PROA_TEST_FETCH"

// node does what is asked by lines on its standard input: up (the network), go (upgrade), kill (the engine). It ends with
// that.
func node(place string) int {
	var p plain
	err := json.Unmarshal([]byte(os.Getenv(deviceVariable)), &p)
	d, openErr := open(p)
	if err = errors.Join(err, openErr); err != nil {
		fmt.Println(err)
		return 1
	}
	var c *exec.Cmd
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "up":
			if err := up(os.Getenv(nodeVariable)); err != nil {
				fmt.Println(err)
				return 1
			}
			go d.service().Run(context.Background())
			fmt.Println("is up")
		case "go":
			c = exec.Command(os.Args[0])
			c.Env = append(os.Environ(), nodeVariable+"=", placeVariable+"="+place)
			c.Stdout, c.Stderr = os.Stdout, os.Stderr
			if err := c.Start(); err != nil {
				fmt.Println(err)
			}
			go func() {
				if err := c.Wait(); err != nil {
					fmt.Println("ended:", err)
				}
			}()
		case "kill":
			_ = c.Process.Kill()
		}
	}
	return 0
}

// service returns what gives pieces of a device to others.
func (d *device) service() *giving.Server {
	files := d.Target.Slots.Files
	return &giving.Server{Node: d.site.Node, Name: d.machine.ID, Limit: transport.NewBucket(0), Say: func(line string) { fmt.Fprintln(os.Stderr, line) }, Slots: &giving.Slots{
		Current: layout.A, Other: layout.B, Note: d.site.Note,
		Files:   func(of layout.Slot, do func(string) error) error { return files(of, false, do) },
		Devices: map[layout.Slot]string{layout.A: filepath.Join(d.Dir, "root-a"), layout.B: filepath.Join(d.Dir, "root-b")},
		Busy: func() bool {
			lock, err := claim.Lock(filepath.Join(d.Dir, "lock"), 0)
			if err == nil {
				lock.Close()
			}
			return errors.Is(err, claim.ErrBusy)
		}}}
}

// up configures the network of this namespace.
func up(address string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	card, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	a.Flags = unix.IFA_F_NODAD
	return errors.Join(netlink.LinkSetUp(lo), netlink.AddrAdd(card, a), netlink.LinkSetUp(card), settled(card))
}

// settled waits until no address of a card is tentative any more (RFC 4862): its link-local one is the sender of questions.
func settled(card netlink.Link) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		list, err := netlink.AddrList(card, netlink.FAMILY_V6)
		if err != nil || len(list) > 0 && !slices.ContainsFunc(list, func(a netlink.Addr) bool { return a.Flags&unix.IFA_F_TENTATIVE != 0 }) {
			return err
		}
	}
	return errors.New("eth0 has no link-local address after a minute")
}

// site is a network with machines and a server, in network namespaces.
type site struct {
	*host
	url   string
	net   string // addresses, as a format
	nodes int
	limit *transport.Bucket
	runs  *device // of which each machine is a copy

	mu   sync.Mutex
	sent map[string]int64 // bytes of payloads, by the address of who got them, and the range
}

// Networks of a site. All machines have link-local addresses of IPv6, too.
const ipv4, ipv6 = "10.9.0.%d/24", "fd00:9::%d/64"

// newSite returns a network with a server that sends so many bytes a second.
func newSite(t *testing.T, h *host, net, dir string, rate int64) *site {
	t.Helper()
	s := &site{host: h, net: net, sent: map[string]int64{}, limit: transport.NewBucket(rate)}
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}); err != nil {
		t.Skipf("no bridge here: %v", err)
	}
	br, err := netlink.LinkByName("br0")
	must(t, err)
	a, err := netlink.ParseAddr(fmt.Sprintf(net, 1))
	must(t, err)
	a.Flags = unix.IFA_F_NODAD
	must(t, errors.Join(netlink.AddrAdd(br, a), netlink.LinkSetUp(br)))
	l, err := listen(a.IP)
	must(t, err)
	files := http.FileServer(http.Dir(dir))
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { files.ServeHTTP(&metered{w, r, s}, r) })}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	s.url = "http://" + l.Addr().String()
	return s
}

func listen(ip net.IP) (net.Listener, error) { return net.ListenTCP("tcp", &net.TCPAddr{IP: ip}) }

// metered counts what is sent of payloads, and holds it to the limit.
type metered struct {
	http.ResponseWriter
	r *http.Request
	s *site
}

func (m *metered) Write(b []byte) (n int, err error) {
	if strings.HasSuffix(m.r.URL.Path, ".json") {
		return m.ResponseWriter.Write(b)
	}
	for len(b) > 0 && err == nil {
		part := b[:min(len(b), 32<<10)]
		if err = m.s.limit.Take(m.r.Context(), len(part)); err != nil {
			break
		}
		var got int
		got, err = m.ResponseWriter.Write(part)
		from, _, _ := net.SplitHostPort(m.r.RemoteAddr)
		m.s.mu.Lock()
		m.s.sent[from+" "+m.r.Header.Get("Range")] += int64(got)
		m.s.mu.Unlock()
		n, b = n+got, b[got:]
	}
	return n, err
}

// total returns how many bytes of payloads were sent, and forgets them.
func (s *site) total() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for who, one := range s.sent {
		n += one
		s.t.Logf("%d bytes were sent to %s", one, who)
	}
	s.sent = map[string]int64{}
	return n
}

// member is a machine of the site.
type member struct {
	*device
	t   *testing.T
	in  io.Writer
	out *bufio.Scanner
	cmd *exec.Cmd
}

// join adds a machine that runs the first slot, until the test ends.
func (s *site) join(t *testing.T, patience peers.Patience) *member {
	t.Helper()
	s.nodes++
	copied := *s.runs
	d := &copied
	d.Dir = t.TempDir()
	must(t, errors.Join(os.CopyFS(d.Dir, os.DirFS(s.runs.Dir)), os.Truncate(filepath.Join(d.Dir, "root-b"), 48<<20)))
	d.machine.ID = fmt.Sprintf("node-%d", s.nodes)
	text, err := json.Marshal(plain{Dir: d.Dir, Machine: d.machine, Root: d.root, Keys: d.keys, Near: &patience})
	must(t, err)
	file, err := fetchtest.Program()
	must(t, err)
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), placeVariable+"="+s.url, deviceVariable+"="+string(text), fetchVariable+"="+file, nodeVariable+"="+fmt.Sprintf(s.net, 10+s.nodes))
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	in, err := c.StdinPipe()
	must(t, err)
	out, err := c.StdoutPipe()
	must(t, err)
	c.Stderr = os.Stderr
	must(t, c.Start())
	m := &member{d, t, in, bufio.NewScanner(out), c}
	t.Cleanup(m.leave)
	near := fmt.Sprintf("n%d", s.nodes)
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: near}, PeerName: "eth0"}))
	card, err := netlink.LinkByName("eth0")
	must(t, err)
	must(t, netlink.LinkSetNsPid(card, c.Process.Pid))
	port, err := netlink.LinkByName(near)
	must(t, err)
	br, err := netlink.LinkByName("br0")
	must(t, err)
	must(t, errors.Join(netlink.LinkSetMaster(port, br), netlink.LinkSetUp(port)))
	m.tell("up")
	if said := m.line(); said != "is up" {
		t.Fatal(said)
	}
	return m
}

func (m *member) tell(what string) { fmt.Fprintln(m.in, what) }

func (m *member) line() string {
	m.out.Scan()
	return m.out.Text()
}

func (m *member) leave() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
}

// took waits for the engine.
func (m *member) took() (r measured) {
	m.t.Helper()
	said := m.line()
	if err := json.Unmarshal([]byte(said), &r); err != nil || !r.Outcome.Trying {
		m.t.Errorf("%s: %s", m.machine.ID, said)
	}
	m.t.Logf("%s: %.1f MB%s, in %.0f s, memory %.1f MiB over idle", m.machine.ID, float64(r.Outcome.Bytes)/1e6, r.Outcome.Near.Text(), r.Seconds, float64(r.Peak-r.Idle)/(1<<20))
	if r.Peak-r.Idle > bench.Memory {
		m.t.Errorf("%s needed %d bytes", m.machine.ID, r.Peak-r.Idle)
	}
	return r
}

// reaches waits until the boot files and so many bytes of the root are on the medium.
func (m *member) reaches(boot bool, root int64) {
	m.t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		b, _ := os.ReadFile(filepath.Join(m.Dir, "note.json"))
		var n share.Note
		if json.Unmarshal(b, &n) == nil && n.Root >= root && (n.Boot || !boot) {
			return
		}
	}
	m.t.Fatalf("%s: not %d bytes of the root", m.machine.ID, root)
}

// brief is a patience for tests, on a host that may be busy.
var brief = peers.Patience{Round: 2 * time.Second, Every: time.Second, Stand: time.Minute, Stall: 20 * time.Second}

// TestPeers: machines of a site with a server that counts what it sends.
func TestPeers(t *testing.T) {
	if !nettest.Inside(t, 0) {
		return
	}
	s, full := peersSite(t, ipv4)
	const index = 64 << 10 // with what is on its way
	t.Run("together", func(t *testing.T) { s.together(t, full, index) })
	t.Run("killed", func(t *testing.T) { s.killed(t, full, index) })
	t.Run("bad", func(t *testing.T) { s.bad(t, full, index) })
}

// TestPeersIPv6: the same site without IPv4.
func TestPeersIPv6(t *testing.T) {
	if !nettest.Inside(t, 0) {
		return
	}
	s, full := peersSite(t, ipv6)
	s.together(t, full, 64<<10)
}

// peersSite returns a site, and the size of the payload on its server.
func peersSite(t *testing.T, net string) (s *site, full int64) {
	h := newHost(t)
	two := next(first(), "v2")
	two.binary = words(77, 14<<20)
	dir := h.release("site", releasing.Options{}, h.file(two, "pc"))
	info, err := os.Stat(one(t, dir, "targets/pc/v2/*.full"))
	must(t, err)
	s = newSite(t, h, net, dir, 2<<20)
	s.runs = h.flash(first())
	return s, info.Size()
}

// together: three machines that begin at once download a release once, and one that comes later nothing but its index.
func (s *site) together(t *testing.T, full, index int64) {
	var all []*member
	for range 3 {
		all = append(all, s.join(t, brief))
	}
	for _, m := range all {
		m.tell("go")
	}
	fetched := 0
	for _, m := range all {
		if r := m.took(); r.Outcome.Near.Bytes == 0 {
			fetched++
		}
	}
	if n := s.total(); n > full+3*index || fetched != 1 {
		t.Errorf("%d bytes were sent to %d machines, a payload has %d", n, fetched, full)
	}
	late := s.join(t, brief)
	late.tell("go")
	if r, n := late.took(), s.total(); n > index || r.Outcome.Near.Bytes < full/2 {
		t.Errorf("%d bytes were sent to a machine that came later, %d came from others", n, r.Outcome.Near.Bytes)
	}
}

// killed: when the machine that fetches is killed, one of the others goes on where it was, and the other one takes it from
// there.
func (s *site) killed(t *testing.T, full, index int64) {
	patient := brief
	patient.Stand = 20 * time.Second
	s.limit = transport.NewBucket(512 << 10)
	fetches, others := s.join(t, patient), []*member{s.join(t, patient), s.join(t, patient)}
	fetches.tell("go")
	fetches.reaches(false, 0)
	time.Sleep(2 * patient.Round)
	for _, m := range others {
		m.tell("go")
	}
	for _, m := range others {
		m.reaches(true, 0)
	}
	fetches.reaches(true, 8<<20)
	fetches.tell("kill")
	alone := 0
	for _, m := range others {
		r := m.took()
		if r.Outcome.Near.Bytes == 0 {
			t.Errorf("%s took nothing from others", m.machine.ID)
		}
		if float64(r.Outcome.Near.Bytes) < 0.9*float64(r.Outcome.Bytes) {
			alone++
		}
	}
	// What the one that was killed had fetched and not flushed is fetched once more.
	if n := s.total(); n > full+3*index+8<<20 || alone != 1 {
		t.Errorf("%d bytes were sent, %d machines fetched more than a tenth; a payload has %d", n, alone, full)
	}
}

// bad: one whose slot is damaged, one whose slot ends early and one that stalls do not keep a machine from upgrading, and
// neither does what is left of it come from the server once a good one is there.
func (s *site) bad(t *testing.T, full, index int64) {
	var all []*member
	for range 3 {
		m := s.join(t, brief)
		m.tell("go")
		m.took()
		all = append(all, m)
	}
	root := func(m *member) string { return filepath.Join(m.Dir, "root-b") }
	b, err := os.ReadFile(root(all[0]))
	must(t, err)
	for at := 100; at < len(b); at += 64 << 10 {
		b[at] ^= 1
	}
	must(t, errors.Join(os.WriteFile(root(all[0]), b, 0o600), os.Truncate(root(all[1]), 5<<20), os.Remove(root(all[2])), unix.Mkfifo(root(all[2]), 0o600)))
	s.total()
	quick := brief
	quick.Stall = 5 * time.Second
	m := s.join(t, quick)
	m.tell("go")
	r, n := m.took(), s.total()
	if r.Outcome.Near.Bytes == 0 || n < index || n > full+index {
		t.Errorf("%d bytes were sent, %d came from others", n, r.Outcome.Near.Bytes)
	}
	more := s.join(t, brief)
	more.tell("go")
	if more.took(); s.total() > full/2 {
		t.Error("a good one is there, and much was fetched")
	}
}
