package service

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/account"
)

// TestKeysOpenTheDoor: dropbear accepts every key that the configuration accepts, and a key with options that dropbear
// refuses is a config problem.
func TestKeysOpenTheDoor(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("dropbear logs in nobody but the user it runs as, unless it is root")
	}
	door := newDoor(t)
	key := door.key("ed25519")
	for head, takes := range map[string]bool{
		"": true, "restrict ": true, `NO-PTY,permitopen="*:80" `: true, `no-pty,command="echo in, and out" `: true, "no-port-forwarding,no-agent-forwarding,no-X11-forwarding ": true,
		`from="127.0.0.1" `: false, `environment="A=b" `: false, "restrict,pty ": false, "no-pty, restrict ": false, `command="echo \"in\"" `: false, "# ": false, "- ": false,
	} {
		door.judge("ed25519", head+key, takes)
	}
	door.judge("ed25519", key+" "+strings.Repeat("x", 4199-len(key)-1), true)
	door.judge("ed25519", key+" "+strings.Repeat("x", 4199-len(key)), false)
	for _, kind := range []string{"rsa", "ecdsa"} {
		door.judge(kind, door.key(kind), true)
	}
}

// door is a dropbear with PID 1's arguments, but on another port and in another directory.
type door struct {
	*testing.T
	dir, port string
}

// newDoor makes its directory below directories that only root can write to, as dropbear requires.
func newDoor(t *testing.T) door {
	t.Helper()
	dropbear := oracle.Pinned(t, "dropbear") // versions differ in the options that they accept
	dir, err := os.MkdirTemp("/run", "door")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := door{t, dir, fmt.Sprint(l.Addr().(*net.TCPAddr).Port)}
	l.Close()
	d.run(oracle.Tool(t, "dropbearkey"), "-t", "ed25519", "-f", filepath.Join(dir, "host"))
	argv := sshArgv(false, false)
	for i, a := range argv {
		argv[i] = map[string]string{"~/" + account.KeysName: dir, hostKeyUsed: filepath.Join(dir, "host"), "22": "127.0.0.1:" + d.port}[a]
		if argv[i] == "" {
			argv[i] = a
		}
	}
	server := exec.Command(dropbear, argv[1:]...)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	d.await()
	return d
}

// await waits until the server listens, which takes long on a busy machine.
func (d door) await() {
	d.Helper()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+d.port)
		if err == nil {
			c.Close()
			return
		}
		if time.Since(began) > time.Minute {
			d.Fatalf("dropbear does not listen: %v", err)
		}
	}
}

func (d door) run(argv ...string) {
	d.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		d.Fatalf("%s: %v: %s", argv[0], err, out)
	}
}

// key generates a key pair of a kind and returns the public half.
func (d door) key(kind string) string {
	d.Helper()
	return d.pair(kind, kind)
}

func (d door) pair(name, kind string) string {
	d.Helper()
	file := filepath.Join(d.dir, name)
	d.run(oracle.Tool(d.T, "ssh-keygen"), "-q", "-t", kind, "-N", "", "-f", file, "-C", "me and you")
	b, err := os.ReadFile(file + ".pub")
	if err != nil {
		d.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func (d door) judge(kind, line string, takes bool) {
	d.Helper()
	c, problems := config.Parse("c.yaml", fmt.Appendf(nil, "ssh_authorized_keys: [%q]\n", line))
	if (len(problems) == 0) != takes || len(c.SSHAuthorizedKeys) == 1 != takes {
		d.Errorf("%.60q: the configuration says %v", line, problems)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "authorized_keys"), []byte(line+"\n"), 0o600); err != nil {
		d.Fatal(err)
	}
	if got := d.opens(kind); got != takes {
		d.Errorf("%.60q: dropbear lets in: %v", line, got)
	}
}

// opens says whether a login works.
func (d door) opens(kind string) bool {
	out, _ := exec.Command(oracle.Tool(d.T, "ssh"), "-F", "none", "-i", filepath.Join(d.dir, kind), "-p", d.port, "-o", "BatchMode=yes",
		"-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "root@127.0.0.1",
		"echo in").CombinedOutput()
	return bytes.HasPrefix(out, []byte("in")) || bytes.Contains(out, []byte("\nin"))
}
