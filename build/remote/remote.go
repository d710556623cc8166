// Package remote runs commands on a proa node over SSH, for `proa run` and the end-to-end tests.
//
// It does not verify host keys: it connects to machines that this program has just started, on forwarded loopback
// ports, whose keys are generated on their first boot. It refuses any other address.
package remote

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Key is a new SSH key of a test or of `proa run`.
type Key struct {
	Signer     ssh.Signer
	Authorized string // line for ssh_authorized_keys
	PEM        []byte // OpenSSH private key, to be written 0600
}

// NewKey generates an ed25519 key. comment becomes the comment of the public key.
func NewKey(comment string) (Key, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return Key{}, fmt.Errorf("generate ssh key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("ssh signer: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return Key{}, fmt.Errorf("encode ssh key: %w", err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " " + comment
	return Key{signer, line, pem.EncodeToMemory(block)}, nil
}

// Node is one machine. Each command has its own connection, so a reboot between two commands needs no handling.
type Node struct {
	Addr   string // 127.0.0.1:PORT
	Signer ssh.Signer
	User   string // empty: root
}

// Result is the result of a command. Err is nil if it exited with 0.
type Result struct {
	Stdout, Stderr string
	Err            error
}

// Run executes a command line with the node's shell and waits for it, or for ctx.
func (n Node) Run(ctx context.Context, command string, stdin io.Reader) Result {
	var stdout, stderr bytes.Buffer
	err := n.Stream(ctx, command, stdin, &stdout, &stderr)
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", firstLine(command), err, strings.TrimSpace(stderr.String()))
	}
	return Result{stdout.String(), stderr.String(), err}
}

// Stream is Run for commands whose output is read while they run, such as `kubectl logs -f`.
func (n Node) Stream(ctx context.Context, command string, stdin io.Reader, stdout, stderr io.Writer) error {
	client, err := n.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	stop := context.AfterFunc(ctx, func() { client.Close() })
	defer stop()
	session, err := client.NewSession()
	if err != nil {
		return fmt.Errorf("ssh session: %w", err)
	}
	session.Stdin, session.Stdout, session.Stderr = stdin, stdout, stderr
	if err := session.Run(command); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return nil
}

// Wait repeats a command until it succeeds. If ctx ends first, it returns the last error too.
func (n Node) Wait(ctx context.Context, command string, pause time.Duration) (Result, error) {
	for {
		r := n.Run(ctx, command, nil)
		if r.Err == nil {
			return r, nil
		}
		select {
		case <-ctx.Done():
			return r, fmt.Errorf("%w: last: %w", context.Cause(ctx), r.Err)
		case <-time.After(pause):
		}
	}
}

func (n Node) dial(ctx context.Context) (*ssh.Client, error) {
	host, _, err := net.SplitHostPort(n.Addr)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("ssh %s: only forwarded loopback ports, host keys are not checked here", n.Addr)
	}
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", n.Addr)
	if err != nil {
		return nil, err
	}
	// A forwarded port accepts connections before the guest does: without a deadline the handshake would block forever.
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	c, chans, reqs, err := ssh.NewClientConn(conn, n.Addr, &ssh.ClientConfig{
		User:            cmp.Or(n.User, "root"),
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(n.Signer)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("ssh %s: %w", n.Addr, err)
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, chans, reqs), nil
}

func firstLine(s string) string {
	line, _, more := strings.Cut(s, "\n")
	if more {
		return line + " …"
	}
	return line
}
