package remote

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestRunAgainstARealServer(t *testing.T) {
	key, err := NewKey("test")
	if err != nil {
		t.Fatal(err)
	}
	n := Node{Addr: serve(t, key), Signer: key.Signer}
	r := n.Run(context.Background(), "cat", strings.NewReader("hello"))
	if r.Err != nil || r.Stdout != "hello" {
		t.Errorf("cat: got %q, %v; want hello", r.Stdout, r.Err)
	}
	if r := n.Run(context.Background(), "false", nil); r.Err == nil {
		t.Error("false: no error for a command that exits with 1")
	}
	stranger, _ := NewKey("stranger")
	if r := (Node{Addr: n.Addr, Signer: stranger.Signer}).Run(context.Background(), "cat", nil); r.Err == nil {
		t.Error("a key the server does not know was let in")
	}
}

func TestWaitGivesUpWithTheLastError(t *testing.T) {
	key, _ := NewKey("test")
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := (Node{Addr: serve(t, key), Signer: key.Signer}).Wait(ctx, "false", 10*time.Millisecond)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "false") {
		t.Errorf("got %v; want the deadline and the command", err)
	}
}

func TestRefusesOtherMachines(t *testing.T) {
	key, _ := NewKey("test")
	if r := (Node{Addr: "192.0.2.1:22", Signer: key.Signer}).Run(context.Background(), "true", nil); r.Err == nil || !strings.Contains(r.Err.Error(), "loopback") {
		t.Errorf("got %v; want a refusal", r.Err)
	}
}

// serve is an SSH server on loopback with two commands: cat and false.
func serve(t *testing.T, key Key) string {
	t.Helper()
	_, private, _ := ed25519.GenerateKey(nil)
	host, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
		if string(k.Marshal()) != string(key.Signer.PublicKey().Marshal()) {
			return nil, errors.New("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn, config)
		}
	}()
	return l.Addr().String()
}

func answer(conn net.Conn, config *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				_ = r.Reply(r.Type == "exec", nil)
				if r.Type != "exec" {
					continue
				}
				status := byte(1)
				if strings.HasSuffix(string(r.Payload), "cat") {
					_, _ = io.Copy(channel, channel)
					status = 0
				}
				_, _ = channel.SendRequest("exit-status", false, []byte{0, 0, 0, status})
				channel.Close()
			}
		}()
	}
}
