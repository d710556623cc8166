package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settings of nginx: static files, and a line of log for each request.
const settings = `%[1]spid %[2]s/pid;
daemon off;
worker_processes 2;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
	log_format fleet '$http_user_agent $status $body_bytes_sent $bytes_sent $uri';
	access_log %[2]s/access.log fleet buffer=64k flush=1s;
	client_body_temp_path %[2]s/t1; proxy_temp_path %[2]s/t2; fastcgi_temp_path %[2]s/t3; uwsgi_temp_path %[2]s/t4; scgi_temp_path %[2]s/t5;
	sendfile on;
	server { listen %[3]s backlog=4096; root %[4]s; }
}
`

// server is a running nginx.
type server struct {
	cmd  *exec.Cmd
	url  string
	log  string
	errs *os.File
}

// serve starts nginx on a port of loopback, and waits until it answers.
func serve(ctx context.Context, dir, site string) (*server, error) {
	at, err := free()
	if err != nil {
		return nil, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // the directory is not for others
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, settings, user, dir, at, site), 0o600); err != nil {
		return nil, err
	}
	s := &server{url: "http://" + at, log: filepath.Join(dir, "access.log")}
	if s.errs, err = os.Create(filepath.Join(dir, "nginx.log")); err != nil {
		return nil, err
	}
	s.cmd = exec.CommandContext(ctx, "nginx", "-p", dir, "-c", file, "-e", "stderr")
	s.cmd.Stderr = s.errs
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGQUIT) }
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("nginx: %w; start this by `go run ./build tool -- …`", err)
	}
	for range 100 {
		if c, err := net.Dial("tcp", at); err == nil {
			return s, c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	said, _ := os.ReadFile(s.errs.Name())
	return nil, errors.Join(fmt.Errorf("nginx does not answer: %s", said), s.stop())
}

// free returns an address of loopback that nobody listens at.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// forget empties the log: what was before the release is not measured.
func (s *server) forget() error {
	time.Sleep(1500 * time.Millisecond) // nginx writes its lines once a second
	return os.Truncate(s.log, 0)
}

// stop ends nginx, which writes the rest of its log.
func (s *server) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGQUIT)
	return errors.Join(err, s.cmd.Wait(), s.errs.Close())
}

// Request is a line of the log.
type Request struct {
	Machine     string
	At          time.Time // of the model
	Status      int
	Body, Bytes int64 // sent; Bytes with the head
	Path        string
}

// payload says whether it was for a file of a release, and not for metadata.
func (r Request) payload() bool {
	return strings.HasPrefix(r.Path, "/targets/") && !strings.HasSuffix(r.Path, ".manifest.json")
}

func readLog(file string) (list []Request, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it is only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		r, err := parse(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("log of nginx: %q: %w", lines.Text(), err)
		}
		list = append(list, r)
	}
	return list, lines.Err()
}

func parse(line string) (r Request, err error) {
	f := strings.Fields(line)
	if len(f) != 5 {
		return r, errors.New("five words are wanted")
	}
	id, at, ok := strings.Cut(f[0], "@")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return r, errors.New("no machine and time")
	}
	status, err1 := strconv.Atoi(f[1])
	body, err2 := strconv.ParseInt(f[2], 10, 64)
	all, err3 := strconv.ParseInt(f[3], 10, 64)
	return Request{id, time.Unix(seconds, 0).UTC(), status, body, all, f[4]}, errors.Join(err1, err2, err3)
}
