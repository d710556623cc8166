package service

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/sys"
)

// inside is set in the process that has mounts of its own.
const inside = "PROA_TEST_LOGIN"

// TestLogins: accounts as they are made at boot, a real SSH server and a real client, with /etc, /root, /home, /run and
// /var/lib/proa that only the test sees.
func TestLogins(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("accounts are root's to make")
	}
	oracle.Pinned(t, "dropbear")
	cmd := exec.Command(os.Args[0], "-test.run=^TestLoginsInside$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+device(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestLoginsInside")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// device compiles the program of the machine, with its link sudo, where every account can run it.
func device(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "proa")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if out, err := exec.Command("go", "build", "-o", dir+"/proa", "..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Symlink("proa", dir+"/sudo")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoginsInside(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("TestLogins runs it")
	}
	stage(t)
	h := house{T: t}
	ada, eva := h.pair("ada"), h.pair("eva")
	h.apply(fmt.Sprintf("{ssh_authorized_keys: [%q], users: [{name: ada, ssh_authorized_keys: [%q], groups: [video]}, {name: eva, ssh_authorized_keys: [%q], password: fair winds}]}", h.pair("root"), ada, eva))
	h.serve(false, false)
	h.says("ada", "ada", "id -un; id -gn; pwd; stat -c '%a %U' /home/ada", "ada\nada\n/home/ada\n700 ada\n")
	h.says("root", "root", "id -un", "root\n")
	h.says("ada", "ada", "rm -rf /home/ada/.proa-ssh; mv /home/ada/.proa-ssh /home/ada/x; echo k > /home/ada/.proa-ssh/authorized_keys; cat /home/ada/.proa-ssh/authorized_keys", ada+"\n")
	h.says("eva", "eva", "cat /run/proa/ssh/keys/ada/authorized_keys /home/ada/.proa-ssh/authorized_keys /etc/shadow", "")
	for _, c := range [][2]string{{"eva", "ada"}, {"ada", "root"}, {"root", "ada"}, {"ada", "nobody"}} {
		h.refused(c[0], c[1])
	}
	h.password("eva", "fair winds", false) // not permitted
	h.apply(fmt.Sprintf("{users: [{name: eva, ssh_authorized_keys: [%q]}]}", eva))
	h.refused("ada", "ada")   // gone
	h.refused("root", "root") // revoked
	h.says("eva", "eva", "id -u; stat -c %u /home/ada", "1001\n1000\n")
	h.apply(fmt.Sprintf("{users: [{name: eva, password: fair winds}, {name: ada, ssh_authorized_keys: [%q]}, {name: ida, password: '$6$rounds=1000$abcd$YzKDp2z/HLq4p6De4aO4b.bIQmNSQeNy4v40I2G8Gk4eqRCIpWAYoHZtogd4VuVwdn1E7C2xHrVt8ZovraLdC1'}, {name: root, password: '*'}]}", ada))
	h.serve(true, false)
	h.refused("eva", "eva")
	h.says("ada", "ada", "id -u", "1000\n")
	h.password("eva", "fair winds", true)
	h.password("ida", "x", true)
	h.password("eva", "foul winds", false)
	h.password("ada", "", false)
	h.password("root", "", false)
	h.admins(ada, eva)
	h.covered(ada)
	h.deadDisk(ada)
	h.apply("{users: [{name: root, password: the captain}]}")
	h.password("root", "the captain", false) // the server's arguments say so until it is started anew
	h.serve(true, true)
	h.password("root", "the captain", true)
}

// admins: an administrator becomes root by sudo, through SSH, and nobody else does.
func (h *house) admins(ada, eva string) {
	h.Helper()
	dir := os.Getenv(inside)
	doc := "{users: [{name: ada, admin: %t, ssh_authorized_keys: [%q]}, {name: eva, ssh_authorized_keys: [%q]}]}"
	h.apply(fmt.Sprintf(doc, true, ada, eva))
	if got, err := h.key("ada", "ada", dir+"/sudo id -u 2>&1"); err == nil || !strings.Contains(got, "users, admin: true") {
		h.Errorf("no service: %q, %v", got, err)
	}
	server := exec.Command(dir+"/proa", "sudo-service")
	server.Stdout, server.Stderr = os.Stderr, os.Stderr
	if err := server.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { server.Process.Kill(); server.Wait() })
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat("/run/proa/sudo.sock"); err == nil {
			break
		}
	}
	sudo := dir + "/sudo "
	h.says("ada", "ada", sudo+"id -u; "+sudo+"-u eva id -un; "+sudo+"sh -c 'exit 7'; echo $?", "0\neva\n7\n")
	h.says("ada", "ada", "echo x | "+sudo+"tee /run/only-root; stat -c %U /run/only-root; A=b "+sudo+"sh -c 'echo $A-$SUDO_USER-$HOME'", "x\nroot\n-ada-/root\n")
	for _, command := range []string{"id -u", "-u ada id -u", "-n true", "-i"} {
		if got, err := h.key("eva", "eva", sudo+command); err == nil || got != "" {
			h.Errorf("eva: sudo %s: %q, %v", command, got, err)
		}
	}
	h.interrupt(sudo)
	h.apply(fmt.Sprintf(doc, false, ada, eva))
	if got, err := h.key("ada", "ada", sudo+"id -u"); err == nil || got != "" {
		h.Errorf("ada is no administrator any more: %q, %v", got, err)
	}
}

// interrupt: Ctrl-C on the terminal of a login ends the command that sudo runs, and nothing else.
func (h *house) interrupt(sudo string) {
	h.Helper()
	cmd := h.ssh("ada", sudo+"sh -c 'echo begun; exec sleep 100'; echo code $?", "-tt", "-i", "/run/ada", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes")
	in, err := cmd.StdinPipe()
	if err != nil {
		h.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	defer time.AfterFunc(time.Minute, func() { cmd.Process.Kill() }).Stop()
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "begun") {
			_, _ = in.Write([]byte{3})
		}
	}
	_ = cmd.Wait() // what it said is compared
	if !strings.Contains(said.String(), "code 130") {
		h.Errorf("Ctrl-C: %q", said.String())
	}
}

// covered: a file system that is mounted on a home has no keys until the accounts are made again (remotekeys.Keeper.Covered).
func (h *house) covered(ada string) {
	h.Helper()
	if err := unix.Mount("tmpfs", "/home/ada", "tmpfs", 0, ""); err != nil {
		h.Fatal(err)
	}
	h.refused("ada", "ada")
	h.apply(fmt.Sprintf("{users: [{name: ada, ssh_authorized_keys: [%q]}]}", ada))
	h.says("ada", "ada", "pwd; stat -c %U /home/ada", "/home/ada\nada\n")
	if err := errors.Join(unix.Unmount("/home/ada/.proa-ssh", 0), unix.Unmount("/home/ada", 0)); err != nil {
		h.Fatal(err)
	}
}

// deadDisk: accounts whose homes cannot be made or written log in nevertheless, to one in memory if need be, and a key that
// was revoked lets nobody in.
func (h *house) deadDisk(ada string) {
	h.Helper()
	if err := unix.Mount("", "/home", "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		h.Fatal(err)
	}
	eva := h.pair("eva2")
	err := h.try(fmt.Sprintf("{users: [{name: ada, ssh_authorized_keys: [%q]}, {name: late, ssh_authorized_keys: [%q]}]}", ada, eva))
	if err == nil || !strings.Contains(err.Error(), "users: late: home /home/late: ") || strings.Contains(err.Error(), "ada") {
		h.Errorf("read-only /home: %v", err)
	}
	h.says("ada", "ada", "pwd", "/home/ada\n")
	h.says("eva2", "late", "pwd; echo no > x; rm -r .proa-ssh; ls -A", "/run/proa/home/late\n.proa-ssh\n")
	h.refused("ada", "late")
	_ = h.try(fmt.Sprintf("{users: [{name: ada}, {name: late, ssh_authorized_keys: [%q]}]}", eva))
	h.refused("ada", "ada")
	if err := unix.Mount("", "/home", "", unix.MS_REMOUNT, ""); err != nil {
		h.Fatal(err)
	}
}

// stage covers what an account changes.
func stage(t *testing.T) {
	t.Helper()
	mount := func(source, target, kind string, flags uintptr, data string) {
		t.Helper()
		if err := unix.Mount(source, target, kind, flags, data); err != nil {
			t.Fatalf("mount %s on %s: %v", kind, target, err)
		}
	}
	mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "")
	defer keep(t, mount)()
	mount("tmpfs", "/run", "tmpfs", 0, "mode=0755")
	mount("tmpfs", "/home", "tmpfs", 0, "mode=0755")
	for i, dir := range []string{"/etc", "/root", "/var/lib"} {
		up, work := fmt.Sprintf("/run/up%d", i), fmt.Sprintf("/run/work%d", i)
		if err := errors.Join(os.Mkdir(up, 0o755), os.Mkdir(work, 0o755)); err != nil {
			t.Fatal(err)
		}
		mount("overlay", dir, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir, up, work))
	}
	if err := errors.Join(os.Chmod("/root", 0o700), os.Mkdir("/run/proa", 0o755), os.MkdirAll("/var/lib/proa", 0o755)); err != nil { // as init/mounts makes them
		t.Fatal(err)
	}
}

// keep returns what brings the tool root back to its path, which is below the home directory of who tests. Programs of the
// host, if it has such, are other versions.
func keep(t *testing.T, mount func(source, target, kind string, flags uintptr, data string)) (back func()) {
	t.Helper()
	root, _, is := strings.Cut(os.Getenv("PROA_TOOLROOT"), "/steps/")
	if !is {
		return func() {}
	}
	fd, err := unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		defer unix.Close(fd)
		if err := os.MkdirAll(root, 0o755); err != nil {
			t.Fatal(err)
		}
		mount(fmt.Sprintf("/proc/self/fd/%d", fd), root, "", unix.MS_BIND, "")
	}
}

// house is a machine with accounts and an SSH server.
type house struct {
	*testing.T
	port string
}

// pair generates a key pair and returns the public half.
func (h *house) pair(name string) string {
	h.Helper()
	return door{T: h.T, dir: "/run"}.pair(name, "ed25519")
}

func (h *house) apply(doc string) {
	h.Helper()
	if err := h.try(doc); err != nil {
		h.Fatal(err)
	}
}

func (h *house) try(doc string) error {
	h.Helper()
	c, problems := config.Parse("c", []byte(doc))
	if len(problems) > 0 {
		h.Fatal(problems)
	}
	err, user := account.Apply(sys.Linux{}, "", c, func(a account.Account) []string { return a.Keys })
	return errors.Join(err, user)
}

// serve starts the server of the service table on another port.
func (h *house) serve(passwords, root bool) {
	h.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.Fatal(err)
	}
	h.port = fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	d := door{T: h.T, dir: "/run", port: h.port}
	if _, err := os.Stat(hostKeyUsed); err != nil {
		d.run(oracle.Tool(h.T, "dropbearkey"), "-t", "ed25519", "-f", hostKeyUsed)
	}
	argv := sshArgv(passwords, root)
	argv[len(argv)-1] = "127.0.0.1:" + h.port
	server := exec.Command(oracle.Tool(h.T, "dropbear"), argv[1:]...)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { server.Process.Kill(); server.Wait() })
	d.await()
}

func (h *house) ssh(user, command string, options ...string) *exec.Cmd {
	argv := append([]string{"-F", "none", "-p", h.port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"}, options...)
	return exec.Command(oracle.Tool(h.T, "ssh"), append(argv, user+"@127.0.0.1", command)...)
}

func (h *house) key(name, user, command string) (string, error) {
	out, err := h.ssh(user, command, "-i", filepath.Join("/run", name), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes").Output()
	return string(out), err
}

func (h *house) says(name, user, command, want string) {
	h.Helper()
	if got, err := h.key(name, user, command); got != want {
		h.Errorf("%s as %s: %q (%v), want %q", name, user, got, err, want)
	}
}

func (h *house) refused(name, user string) {
	h.Helper()
	if got, err := h.key(name, user, "echo in"); err == nil || got != "" {
		h.Errorf("%s logged in as %s: %q", name, user, got)
	}
}

// password logs in with one, which ssh asks a program for.
func (h *house) password(user, password string, lets bool) {
	h.Helper()
	ask := "/run/ask"
	if err := os.WriteFile(ask, fmt.Appendf(nil, "#!/bin/sh\necho '%s'\n", password), 0o700); err != nil {
		h.Fatal(err)
	}
	cmd := h.ssh(user, "echo in", "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1")
	cmd.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:0")
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)) == "in"; got != lets {
		h.Errorf("%s with a password: let in %v, want %v: %s (%v)", user, got, lets, out, err)
	}
}
