package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/proa-os/proa/build/bench/slots"
	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/remote"
	"github.com/proa-os/proa/build/testslot"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/nodeupgrade"
	"github.com/proa-os/proa/images/blackbox"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/chain"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/slotwrite"
	"github.com/proa-os/proa/init/status"
	"github.com/proa-os/proa/init/upgrade"
	"github.com/proa-os/proa/init/upgrade/journal"
	"github.com/proa-os/proa/init/upgrade/repository"
	"github.com/proa-os/proa/init/upgrade/transport"
	"github.com/proa-os/proa/init/upgrade/trust"
	"github.com/proa-os/proa/init/upgrade/verbs"
)

// nodeVariable makes this test program the command proa of a machine, which is a directory.
const nodeVariable = "PROA_PUSH_NODE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(nodeVariable); dir != "" {
		os.Exit(proa(dir, os.Args[1:]))
	}
	code := m.Run()
	if ours != nil {
		os.RemoveAll(ours.dir)
	}
	os.Exit(code)
}

// facts is what a machine's images and firmware have.
type facts struct {
	Version string
	Slot    layout.Slot
	Root    string // hash
	Keys    string
	TUF     []byte
}

// proa is the command: the real engine on files.
func proa(dir string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	signal.Ignore(syscall.SIGPIPE)
	var is facts
	text, err := os.ReadFile(filepath.Join(dir, "facts.json"))
	if err == nil {
		err = json.Unmarshal(text, &is)
	}
	if err == nil {
		err = is.env(dir).Main(ctx, args[1], args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proa:", err)
		return 1
	}
	return 0
}

func (is facts) env(dir string) verbs.Env {
	keys, err := slotsig.ParseKeys([]byte(is.Keys))
	m := upgrade.Machine{Board: "pc", Arch: "amd64", Layout: layout.Version, Version: is.Version, Root: is.Root, ID: "0123456789abcdef", Slot: is.Slot}
	find := func() (upgrade.Machine, slotwrite.Target, error) {
		s, err2 := slot.Find(slot.Boot{Chain: chain.Rows(chain.GRUB)[0], Dir: filepath.Join(dir, "boot")}, is.Slot)
		return m, slotwrite.Target{Slots: s, Device: filepath.Join(dir, "root-"+string(is.Slot.Other())), Board: "pc", Trust: slottrust.Of(keys)}, errors.Join(err, err2)
	}
	return verbs.Env{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Root: dir, Config: config.Default(), Find: find,
		Restart: func() error {
			if err := os.WriteFile(filepath.Join(dir, "restart"), nil, 0o600); err != nil {
				return err
			}
			time.Sleep(time.Minute) // the machine ends it
			return nil
		},
		Repository: func(_ context.Context, s transport.Source) (upgrade.Origin, error) {
			_, t, err := find()
			running := &repository.Running{Slot: is.Slot, Root: filepath.Join(dir, "root-"+string(is.Slot)), Files: t.Slots.Files}
			return repository.Open(s, repository.Options{Dir: filepath.Join(dir, "trust"), Root: is.TUF, Machine: m, Running: running,
				Mark: upgrade.Marks(filepath.Join(dir, journal.Dir)), Clock: trust.Clock{Now: time.Now(), Known: true}}), err
		}}
}

// device is a machine whose SSH server is the one of the images, and whose disks are files.
type device struct {
	t    *testing.T
	dir  string
	addr string
	key  string // file of the client's key
	keys string // directory of authorized_keys
	fate nodeupgrade.Result
	mu   sync.Mutex
	ssh  *exec.Cmd
}

// host has two releases.
type host struct {
	dir                string
	ring               *keys.Ring
	tuf                []byte
	slots              map[string]testslot.Slot
	site, bundle, file string // all of it, v2 with a patch from v1, and v2
}

// ours is the host whose keys the machines know. It is made once, because patches take a while.
var ours *host

func hosted(t *testing.T) *host {
	t.Helper()
	if ours == nil {
		dir, err := os.MkdirTemp("", "push")
		must(t, err)
		ours = newHost(t, dir, "v1", "v2")
	}
	return ours
}

func newHost(t *testing.T, dir string, versions ...string) *host {
	t.Helper()
	h := &host{dir: dir, slots: map[string]testslot.Slot{}, site: filepath.Join(dir, "site"), bundle: filepath.Join(dir, "last.tar")}
	var err error
	h.ring, err = keys.Init(filepath.Join(dir, "keys"), false, keys.Access{})
	must(t, err)
	h.tuf, err = tufrepo.KeepRoot(h.ring, tufrepo.DefaultPeriods(), time.Now())
	must(t, err)
	for _, v := range versions {
		h.file = filepath.Join(dir, v+".slot")
		h.slots[v] = testslot.Make(t, "pc", v)
		h.slots[v].Write(t, h.file, h.ring)
		_, err := releasing.Run(t.Context(), releasing.Options{Out: h.site, Bundle: h.bundle, Ring: h.ring, Now: time.Now(), Show: slots.Quiet{}}, []string{h.file})
		must(t, err)
	}
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// boot returns a machine that runs a version in slot a, with a running SSH server.
func (h *host) boot(t *testing.T, version string) *device {
	t.Helper()
	d := &device{t: t, dir: t.TempDir(), fate: nodeupgrade.Succeeded}
	for _, dir := range []string{"boot/grub", "boot/slots/a", "run/proa", "bin"} {
		must(t, os.MkdirAll(filepath.Join(d.dir, dir), 0o700))
	}
	for i := range 2 {
		must(t, os.WriteFile(filepath.Join(d.dir, "boot/grub", grubenv.File(i)), grubenv.Encode(bootstate.State{Good: layout.A}), 0o600))
	}
	s := h.slots[version]
	must(t, errors.Join(os.WriteFile(filepath.Join(d.dir, "root-a"), s.Image, 0o600), os.WriteFile(filepath.Join(d.dir, "root-b"), nil, 0o600)))
	must(t, errors.Join(os.Truncate(filepath.Join(d.dir, "root-a"), 16<<20), os.Truncate(filepath.Join(d.dir, "root-b"), 16<<20)))
	for name, content := range s.Boot {
		if in, ok := (slotfile.File{Name: name}).For(layout.A); ok {
			must(t, os.WriteFile(filepath.Join(d.dir, "boot", layout.A.Dir(), in), content, 0o600))
		}
	}
	k, err := h.ring.SlotKeys()
	must(t, err)
	text, err := k.Encode()
	must(t, err)
	d.runs(facts{version, layout.A, s.Hash, string(text), h.tuf})
	d.login()
	go d.pid1()
	return d
}

// runs sets what the machine runs.
func (d *device) runs(is facts) {
	d.t.Helper()
	text, err := json.Marshal(is)
	must(d.t, err)
	must(d.t, os.WriteFile(filepath.Join(d.dir, "facts.json"), text, 0o600))
	text, err = json.Marshal(status.Status{Version: is.Version, Board: "pc", Slot: string(is.Slot), Good: true})
	must(d.t, err)
	must(d.t, os.WriteFile(filepath.Join(d.dir, status.File), text, 0o600))
}

func (d *device) facts() (is facts) {
	text, err := os.ReadFile(filepath.Join(d.dir, "facts.json"))
	if err = errors.Join(err, json.Unmarshal(text, &is)); err != nil {
		d.t.Error(err)
	}
	return is
}

// login starts the SSH server that images have, as they start it. Every command is run with this machine's proa.
func (d *device) login() {
	t := d.t
	t.Helper()
	key, err := remote.NewKey("push")
	must(t, err)
	d.key = filepath.Join(d.dir, "id")
	// dropbear takes keys only from directories that nobody else can write to, up to the root: not below /tmp.
	cache, err := os.UserCacheDir()
	must(t, errors.Join(err, os.MkdirAll(cache, 0o755)))
	d.keys, err = os.MkdirTemp(cache, "proa-push-test-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(d.keys) })
	self, err := os.Executable()
	must(t, err)
	script := func(name, text string) {
		must(t, os.WriteFile(filepath.Join(d.dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	}
	script("bin/proa", fmt.Sprintf(`%s=%s exec %s "$@"`, nodeVariable, d.dir, self))
	script("bin/sudo", `exec "$@"`)
	script("command", fmt.Sprintf(`PATH=%s/bin:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"`, d.dir))
	must(t, errors.Join(os.WriteFile(d.key, key.PEM, 0o600),
		os.WriteFile(filepath.Join(d.keys, "authorized_keys"), fmt.Appendf(nil, "command=\"%s/command\" %s\n", d.dir, key.Authorized), 0o600)))
	out, err := exec.Command(oracle.Tool(t, "dropbearkey"), "-t", "ed25519", "-f", filepath.Join(d.dir, "hostkey")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	d.addr = l.Addr().String()
	l.Close()
	d.start()
	t.Cleanup(d.stop)
}

func (d *device) start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ssh = exec.Command(oracle.Tool(d.t, "dropbear"), "-F", "-E", "-s", "-k", "-p", d.addr, "-r", filepath.Join(d.dir, "hostkey"), "-D", d.keys,
		"-P", filepath.Join(d.dir, "pid"))
	if err := d.ssh.Start(); err != nil {
		d.t.Error(err)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", d.addr); err == nil {
			c.Close()
			return
		}
	}
	d.t.Error("the SSH server does not listen")
}

// stop ends the SSH server with all its connections, as a machine that goes down does.
func (d *device) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ssh == nil {
		return
	}
	_ = d.ssh.Process.Kill()
	_ = d.ssh.Wait()
	for _, pid := range append(d.processes("cmdline", d.keys), d.processes("environ", nodeVariable+"="+d.dir+"\x00")...) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	d.ssh = nil
}

// processes are those of the machine: sessions of its SSH server have its arguments, commands a variable.
func (d *device) processes(file, text string) (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		has, err := os.ReadFile(filepath.Join(dir, file))
		pid, convert := strconv.Atoi(filepath.Base(dir))
		if errors.Join(err, convert) == nil && pid != os.Getpid() && bytes.Contains(has, []byte(text)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// pid1 restarts the machine when it is asked to, and completes the record as the real one does.
func (d *device) pid1() {
	for d.t.Context().Err() == nil {
		time.Sleep(20 * time.Millisecond)
		if os.Remove(filepath.Join(d.dir, "restart")) != nil {
			continue
		}
		time.Sleep(300 * time.Millisecond)
		d.stop()
		time.Sleep(500 * time.Millisecond)
		if err := d.settle(); err != nil {
			d.t.Error(err)
		}
		d.start()
	}
}

func (d *device) settle() error {
	is := d.facts()
	return journal.Update(filepath.Join(d.dir, journal.File), func(j *journal.Journal) bool {
		e := j.Open()
		if e == nil || e.State != journal.Trying || d.fate == "" {
			return false
		}
		f := journal.Facts{Running: journal.Release{Root: journal.ShortRoot(is.Root), Slot: is.Slot}, Boot: true}
		if d.fate == nodeupgrade.Succeeded {
			d.runs(facts{e.To.Version, e.To.Slot, e.To.Root + strings.Repeat("0", 48), is.Keys, is.TUF})
			f = journal.Facts{Running: e.To, Good: true}
		} else {
			f.Other = &blackbox.Report{Slot: e.To.Slot, GivenUp: true, Tries: 3, Left: []blackbox.Try{{Try: 3, Step: "network", State: blackbox.Failed, Error: "no link"}}}
		}
		return j.Settle(f, time.Now())
	})
}

// options connect to the machine, whatever the user's configuration of ssh says.
func (d *device) options() Options {
	_, port, _ := net.SplitHostPort(d.addr)
	return Options{Wait: time.Minute, SSH: fmt.Sprintf("%s -F /dev/null -p %s -i %s -o IdentitiesOnly=yes -o IdentityAgent=none -o UserKnownHostsFile=%s/known -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR",
		oracle.Tool(d.t, "ssh"), port, d.key, d.dir)}
}

func (d *device) name() string {
	u, err := user.Current()
	must(d.t, err)
	return u.Username + "@127.0.0.1"
}

func (d *device) journal() journal.Journal {
	d.t.Helper()
	j, err := journal.Read(filepath.Join(d.dir, journal.File))
	must(d.t, err)
	return j
}
