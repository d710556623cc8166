package sudo

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/account"
	"github.com/proa-os/proa/init/environ"
)

// socketOf makes the test's program the command sudo.
const socketOf = "PROA_TEST_SUDO"

func TestMain(m *testing.M) {
	if socket := os.Getenv(socketOf); socket != "" {
		os.Exit(Client{Socket: socket, Version: "v1", In: os.Stdin, Out: os.Stdout, Err: os.Stderr}.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// Accounts of the tests: ada is an administrator, eve is not, and bob is somebody else.
const (
	ada = 61000
	eve = 61001
	bob = 61002
)

type rig struct {
	*testing.T
	root, dir, socket, program string
	mu                         sync.Mutex
	log                        string
}

// newRig starts a service whose accounts and administrators are in a directory of the test. Clients are processes with
// the uids of these accounts.
func newRig(t *testing.T) *rig {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can start processes as others")
	}
	dir, err := os.MkdirTemp("/run", "sudo")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	r := &rig{T: t, dir: dir, root: filepath.Join(dir, "root"), socket: filepath.Join(dir, "socket"), program: filepath.Join(dir, "sudo")}
	r.put("/etc/passwd", fmt.Sprintf("root:x:0:0::%s:/bin/sh\nada:x:%d:%[2]d::/:/bin/sh\nbob:x:%[3]d:%[3]d::%[1]s:\n", dir, ada, bob), 0o644)
	r.put("/etc/group", fmt.Sprintf("root:x:0:\nbob:x:%d:\nvideo:x:61044:ada,bob\n", bob), 0o644)
	r.put(environ.LoginFile, environ.Login(map[string]string{"HTTPS_PROXY": "http://proxy:3128", "QUOTED": `"a b"`, "PATH": "/evil"}), 0o644)
	r.put(account.AdminsFile, fmt.Sprintf("ada %d\n", ada), 0o600)
	self, err := os.ReadFile("/proc/self/exe")
	must(t, err)
	must(t, os.WriteFile(r.program, self, 0o755))
	l, err := Listen(r.socket)
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = Server{Root: r.root, Logf: r.logf}.Serve(ctx, l)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return r
}

func (r *rig) logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log += fmt.Sprintf(format, args...) + "\n"
}

func (r *rig) put(name, text string, mode os.FileMode) {
	r.Helper()
	file := filepath.Join(r.root, name)
	must(r.T, os.MkdirAll(filepath.Dir(file), 0o755))
	must(r.T, os.WriteFile(file, []byte(text), mode))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// as returns a client of an account.
func (r *rig) as(uid uint32, args ...string) *exec.Cmd {
	cmd := exec.Command(r.program, args...)
	cmd.Env = []string{socketOf + "=" + r.socket, "TERM=vt220", "FOO=bar", "HOME=/nowhere", "PATH=/nowhere", "LD_PRELOAD=", "SHELL=/bin/sh"}
	cmd.Dir = r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return cmd
}

func TestCommands(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		uid  uint32
		args []string
		in   string
		out  string
		exit int
		err  string
	}{
		{ada, []string{"id", "-u"}, "", "0\n", 0, ""},
		{0, []string{"id", "-u"}, "", "0\n", 0, ""},
		{ada, []string{"sh", "-c", "exit 7"}, "", "", 7, ""},
		{ada, []string{"sh", "-c", "kill -9 $$"}, "", "", 137, ""},
		{ada, []string{"-u", "bob", "sh", "-c", "id -u; id -g; id -G; echo $HOME $USER $SUDO_USER $SUDO_UID"}, "",
			fmt.Sprintf("%d\n%[1]d\n%[1]d 61044\n%s bob ada %d\n", bob, r.dir, ada), 0, ""},
		{ada, []string{"-u", fmt.Sprint("#", bob), "id", "-u"}, "", fmt.Sprintln(bob), 0, ""},
		{ada, []string{"-u", "nobody-there", "id"}, "", "", 1, "unknown user nobody-there"},
		{ada, []string{"cat"}, "one\ntwo\n", "one\ntwo\n", 0, ""},
		{ada, []string{"pwd"}, "", r.dir + "\n", 0, ""},
		{ada, []string{"./missing"}, "", "", 1, "command not found"},
		{ada, []string{"no-such-command"}, "", "", 1, "no-such-command: command not found"},
		{ada, []string{"/etc"}, "", "", 1, "not a program"},
		{ada, []string{"sh", "-c", "echo $FOO-$TERM-$HOME-$PATH"}, "", "-vt220-" + r.dir + "-/usr/sbin:/usr/bin:/sbin:/bin\n", 0, ""},
		{ada, []string{"sh", "-c", "echo $HTTPS_PROXY $QUOTED $LANG"}, "", "http://proxy:3128 \"a b\" C.UTF-8\n", 0, ""},
		{ada, []string{"HTTPS_PROXY=", "sh", "-c", "echo $HTTPS_PROXY-"}, "", "-\n", 0, ""},
		{ada, []string{"-E", "sh", "-c", "echo $FOO-$TERM-$HOME"}, "", "bar-vt220-" + r.dir + "\n", 0, ""},
		{ada, []string{"FOO=1 2", "HOME=/x", "sh", "-c", "echo $FOO-$HOME"}, "", "1 2-/x\n", 0, ""},
		{ada, []string{"-i", "echo", "$HOME", "a  b", "it's"}, "", r.dir + " a  b it's\n", 0, ""},
		{ada, []string{"-i"}, "echo $0 $(pwd)\nexit 3\n", "-sh " + r.dir + "\n", 3, ""},
		{ada, []string{"-s", "echo", "$0", "x y"}, "", "/bin/sh x y\n", 0, ""},
		{ada, []string{"sh", "-c", "ps -o sid= -p $$ | tr -d ' '; echo $$"}, "", "same", 0, ""},
		{ada, []string{"-k"}, "", "", 1, "no option -k"},
		{ada, []string{"-V"}, "", "sudo of proa v1\n", 0, ""},
		{eve, []string{"id", "-u"}, "", "", 1, "uid 61001 is no administrator"},
		{65534, []string{"id", "-u"}, "", "", 1, "no administrator"},
		{ada, []string{"sh", "-c", "wc -c", strings.Repeat("x", 100000)}, strings.Repeat("y", 1<<20), "1048576\n", 0, ""},
	} {
		cmd := r.as(c.uid, c.args...)
		var out, errs bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.in), &out, &errs
		_ = cmd.Run() // its exit code is looked at
		got := out.String()
		if c.out == "same" {
			if two := strings.Fields(got); len(two) != 2 || two[0] != two[1] {
				t.Errorf("the command leads no session: %q", got)
			}
			continue
		}
		if got != c.out || cmd.ProcessState.ExitCode() != c.exit || !strings.Contains(errs.String(), c.err) || c.err == "" && errs.Len() > 0 {
			t.Errorf("%d %.80q: %q, exit code %d, %q", c.uid, c.args, got, cmd.ProcessState.ExitCode(), errs.String())
		}
	}
	for _, want := range []string{"ada (uid 61000): as root in " + r.dir + ": /", "refused: uid 61001 is no administrator", "ada (uid 61000): as nobody-there: refused: unknown user"} {
		if !strings.Contains(r.log, want) {
			t.Errorf("the log has no %q:\n%.2000s", want, r.log)
		}
	}
	if strings.Contains(r.log, "exit 7") {
		t.Errorf("arguments, which may be secrets, are in the log:\n%.2000s", r.log)
	}
}

// TestPipeline: the command gets the client's own files, so that a file is written as root and the pipe ends with it.
func TestPipeline(t *testing.T) {
	r := newRig(t)
	file := filepath.Join(r.dir, "root", "written")
	cmd := r.as(ada, "tee", file)
	cmd.Stdin = strings.NewReader("x\n")
	if out, err := cmd.Output(); err != nil || string(out) != "x\n" {
		t.Errorf("%q %v", out, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil || st.Uid != 0 || st.Size != 2 {
		t.Errorf("%+v %v", st, err)
	}
}

// TestRevoked: an account that is no administrator any more is refused by the running service.
func TestRevoked(t *testing.T) {
	r := newRig(t)
	if err := r.as(ada, "true").Run(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"empty": "", "another": "bob 61002\n", "damaged": "61000\n", "no name": " 61000\n", "prefix": "x 610000\ny 6100\n"} {
		r.put(account.AdminsFile, text, 0o600)
		if err := r.as(ada, "true").Run(); err == nil {
			t.Errorf("%s: a former administrator is still one", name)
		}
	}
	must(t, os.Remove(filepath.Join(r.root, account.AdminsFile)))
	if err := r.as(ada, "true").Run(); err == nil {
		t.Error("without a list everybody is an administrator")
	}
}

// TestSignals: a signal for the client ends the command, and so does the client's end.
func TestSignals(t *testing.T) {
	r := newRig(t)
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGKILL} {
		mark := filepath.Join(r.dir, fmt.Sprint("got-", int(sig)))
		script := `trap "echo $1 > $0; exit 9" TERM INT HUP; echo started; while :; do sleep 0.1; done`
		cmd := r.as(ada, "sh", "-c", script, mark, "x")
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		_, err = out.Read(make([]byte, 8))
		must(t, err)
		must(t, cmd.Process.Signal(sig))
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); sig != unix.SIGKILL && code != 9 {
			t.Errorf("%v: exit code %d", sig, code)
		}
		r.await("the command's end", func() bool { _, err := os.Stat(mark); return err == nil })
	}
}

func (r *rig) await(what string, done func() bool) {
	r.Helper()
	for began := time.Now(); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			r.Fatalf("waited a minute for %s", what)
		}
	}
}

// TestRudeClients: clients of an administrator that send nothing, nonsense, no files, too many files or too much do no
// harm, and leave no file open.
func TestRudeClients(t *testing.T) {
	r := newRig(t)
	must(t, r.as(ada, "true").Run())
	before := openFiles(t)
	rude := func(text string, files ...int) string {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: r.socket, Net: "unix"})
		must(t, err)
		defer c.Close()
		var oob []byte
		if files != nil {
			oob = unix.UnixRights(files...)
		}
		n, _, _ := c.WriteMsgUnix([]byte(text), oob, nil)
		_, _ = c.Write([]byte(text[n:]))
		if !strings.HasSuffix(text, "\n") {
			_ = c.CloseWrite()
		}
		buf := make([]byte, 4096)
		n, _ = c.Read(buf)
		return string(buf[:n])
	}
	three := []int{0, 1, 2}
	for name, c := range map[string]struct {
		text  string
		files []int
		want  string
	}{
		"nothing":    {"x", three, "EOF"},
		"nonsense":   {"{\n", three, "read request"},
		"no files":   {`{"argv":["id"],"user":"root"}` + "\n", nil, "0 files"},
		"many files": {`{"argv":["id"],"user":"root"}` + "\n", []int{0, 1, 2, 2, 2}, "5 files"},
		"NUL":        {`{"argv":["id\u0000x"],"user":"root"}` + "\n", three, "NUL"},
		"no command": {`{"user":"root"}` + "\n", three, "no command"},
		"no user":    {`{"argv":["id"]}` + "\n", three, "unknown user"},
		"relative":   {`{"argv":["sh","-c","test $(pwd) = / && exit 4"],"user":"root","dir":"tmp"}` + "\n", three, `"exit":4`},
		"no tty":     {`{"argv":["id"],"user":"root","tty":true}` + "\n", nullFiles(t), "/id"},
		"too long":   {strings.Repeat("x", maxRequest+2), three, "more than"},
	} {
		if got := rude(c.text, c.files...); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	r.await("the files to be closed", func() bool { return openFiles(t) <= before+3 })
	must(t, r.as(ada, "true").Run())
}

// nullFiles returns three files that are no terminals.
func nullFiles(t *testing.T) []int {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return []int{int(f.Fd()), int(f.Fd()), int(f.Fd())}
}

func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(list)
}
