package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/remote"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/service"
)

// client is OpenSSH as a user has it, with one key.
type client struct {
	t    *testing.T
	host string
	port string
	key  string // file
}

func newClient(t *testing.T, addr string, key remote.Key) client {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	file := filepath.Join(t.TempDir(), "key")
	if err := errors.Join(err, os.WriteFile(file, key.PEM, 0o600)); err != nil {
		t.Fatal(err)
	}
	return client{t, host, port, file}
}

// do runs scp, sftp or ssh; arguments that begin with ":" are paths on the machine.
func (c client) do(tool string, args ...string) (string, error) {
	c.t.Helper()
	line := []string{"-F", "none", "-i", c.key, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20", "-o", "BatchMode=yes", "-o", "Port=" + c.port}
	if tool != "ssh" {
		line = append(line, "-S", oracle.Tool(c.t, "ssh"))
	}
	for _, a := range args {
		if rest, remote := strings.CutPrefix(a, ":"); remote {
			a = strings.TrimSuffix("root@"+c.host+":"+rest, ":")
		}
		line = append(line, a)
	}
	out, err := exec.Command(oracle.Tool(c.t, tool), line...).CombinedOutput()
	return string(out), err
}

func (c client) must(tool string, args ...string) string {
	c.t.Helper()
	out, err := c.do(tool, args...)
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, out)
	}
	return out
}

// copies copies a file and a folder to the machine and back, with both protocols of scp and with sftp; dir is on the
// machine.
func copies(c client, dir string) {
	c.t.Helper()
	from := c.t.TempDir()
	content := bytes.Repeat([]byte("0123456789abcdef\n"), 20000)
	if err := errors.Join(os.Mkdir(filepath.Join(from, "folder"), 0o750), os.WriteFile(filepath.Join(from, "folder/file"), content, 0o640),
		os.Chmod(filepath.Join(from, "folder/file"), 0o640)); err != nil {
		c.t.Fatal(err)
	}
	for name, copyTree := range map[string]func(from, to string){
		"scp":    func(from, to string) { c.must("scp", "-p", "-r", from, to) },
		"scp -O": func(from, to string) { c.must("scp", "-O", "-p", "-r", from, to) },
		"sftp": func(from, to string) {
			verb := "put"
			if strings.HasPrefix(from, ":") {
				verb = "get"
			}
			batch := filepath.Join(c.t.TempDir(), "batch")
			words := []string{verb, "-p", "-R", strings.TrimPrefix(from, ":"), strings.TrimPrefix(to, ":")}
			if err := os.WriteFile(batch, []byte(strings.Join(words, " ")+"\n"), 0o600); err != nil {
				c.t.Fatal(err)
			}
			c.must("sftp", "-b", batch, ":")
		},
	} {
		there, back := dir+"/"+strings.ReplaceAll(name, " ", ""), filepath.Join(c.t.TempDir(), "back")
		c.must("ssh", ":", "mkdir -p "+there)
		copyTree(filepath.Join(from, "folder"), ":"+there)
		sum := fmt.Sprintf("%x", sha256.Sum256(content))
		if got := c.must("ssh", ":", "sha256sum "+there+"/folder/file; stat -c %a "+there+"/folder/file"); !strings.HasPrefix(got, sum) || !strings.HasSuffix(got, "\n640\n") {
			c.t.Errorf("%s: on the machine: %s; want %s and mode 640", name, got, sum)
		}
		copyTree(":"+there+"/folder", back)
		got, err := os.ReadFile(filepath.Join(back, "file"))
		info, _ := os.Stat(filepath.Join(back, "file"))
		if err != nil || !bytes.Equal(got, content) || info.Mode() != 0o640 {
			c.t.Errorf("%s: back: %d bytes, %v, %v", name, len(got), info, err)
		}
	}
}

// TestSSH runs the image's own SSH server in a chroot of the image's root file system, without a machine.
func TestSSH(t *testing.T) {
	needs(t, "ci")
	if os.Getuid() != 0 {
		t.Skip("dropbear logs in nobody but the user it runs as, unless it is root; TestReady does the same in QEMU")
	}
	mine, old := newKey(t), newKey(t)
	addr := serveSSH(t, imageRoot(t), mine.Authorized, old.Authorized)
	c := newClient(t, addr, mine)
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := c.do("ssh", ":", "true"); err == nil {
			break
		} else if time.Now().After(end) {
			c.must("ssh", ":", "true")
		}
	}
	t.Run("copies", func(t *testing.T) { copies(newClient(t, addr, mine), "/home") })
	t.Run("revoked", func(t *testing.T) {
		if out, err := newClient(t, addr, old).do("ssh", ":", "true"); err == nil || !strings.Contains(out, "Permission denied") {
			t.Errorf("a key that lies in /root/.ssh only: %v, %s", err, out)
		}
	})
	t.Run("says-what-failed", func(t *testing.T) { refusals(newClient(t, addr, mine)) })
}

// refusals: SFTP has one error code for a full disk and for a read-only path; the old protocol has the error message of
// the system.
func refusals(c client) {
	big := filepath.Join(c.t.TempDir(), "big")
	if err := os.WriteFile(big, make([]byte, 2<<20), 0o600); err != nil {
		c.t.Fatal(err)
	}
	for _, tc := range []struct{ to, sftp, scp string }{
		{":/var/big", "Failure", "No space left on device"},
		{":/usr/bin/big", "Failure", "Read-only file system"},
		{":/nowhere/big", "No such file or directory", "No such file or directory"},
	} {
		for flag, want := range map[string]string{"-s": tc.sftp, "-O": tc.scp} {
			if out, err := c.do("scp", flag, big, tc.to); err == nil || !strings.Contains(out, want) {
				c.t.Errorf("scp %s %s: %v, %q; want %q", flag, tc.to, err, out, want)
			}
		}
	}
}

func newKey(t *testing.T) remote.Key {
	t.Helper()
	key, err := remote.NewKey("e2e")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// imageRoot extracts the root file system of the disk image.
func imageRoot(t *testing.T) string {
	t.Helper()
	b, err := boards.Get("pc")
	if err != nil {
		t.Fatal(err)
	}
	table, err := b.Layout().Fit(b.Layout().ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "root")
	for _, p := range table {
		if p.Role == layout.Root && p.Slot == layout.A {
			run(t, "fsck.erofs", "--extract="+dir, judged{file: options{kind: "img"}.image(t), table: table, board: b}.part(t, p))
		}
	}
	return dir
}

// stage gives a folder what a running machine has: a read-only root, a data partition with 1 MiB free, and tmpfs.
const stage = `set -e
mount --bind "$1" "$1"
mount -t tmpfs -o size=1m tmpfs "$1/var"
for dir in run root home dev; do mount -t tmpfs -o mode=0755 tmpfs "$1/$dir"; done
for dev in null urandom; do : > "$1/dev/$dev"; mount --bind "/dev/$dev" "$1/dev/$dev"; done
mkdir -p "$1/run/proa/ssh" "$1$2" "$1/root/.ssh"
chmod 0700 "$1/run/proa/ssh" "$1/root" "$1/root/.ssh"
printf '%s\n' "$3" > "$1$2/authorized_keys"
printf '%s\n' "$4" > "$1/root/.ssh/authorized_keys"
chroot "$1" dropbearkey -t ed25519 -f /run/proa/ssh/host_ed25519 >&2
mount -o remount,bind,ro "$1"
root=$1; shift 4
exec chroot "$root" "$@"
`

// serveSSH runs the row of the service table in a mount namespace and chroot, on another port.
func serveSSH(t *testing.T, root, authorized, forgotten string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	argv := service.Table(service.Facts{Config: &config.Config{SSHAuthorizedKeys: []string{authorized}}})[0].Argv
	argv[len(argv)-1] = addr
	ctx, end := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"-m", "--propagation", "private", "sh", "-c", stage, "sh",
		root, "/root/" + account.KeysName, authorized, forgotten}, argv...)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return addr
}
