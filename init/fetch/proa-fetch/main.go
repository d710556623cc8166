// Command proa-fetch makes one HTTP request for the package fetch: the request is JSON on standard input, the answer a
// line of JSON and the body on standard output. With the argument stream it does so for fetch/stream, and passes the body
// on while it arrives. It refuses certificates that it cannot verify, redirections from https to http, and answers that
// are too long. It reads only the certificates and resolver settings of the system.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/fetch/stream"
)

func main() {
	do := run
	if len(os.Args) > 1 && os.Args[1] == stream.Mode {
		do = runStream
	}
	if err := do(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "proa-fetch:", err)
		os.Exit(1)
	}
}

// run fails only if it can neither read the request nor write the answer.
func run(in io.Reader, out io.Writer) error {
	var r fetch.Request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	answer, err := ask(r)
	reply := fetch.Reply{Answer: answer}
	if err != nil {
		reply = fetch.Reply{Error: plain(err)}
	}
	w := bufio.NewWriter(out)
	if err := json.NewEncoder(w).Encode(reply); err != nil {
		return err
	}
	if err == nil {
		_, _ = w.Write(answer.Body) // Flush returns the error
	}
	return w.Flush()
}

func ask(r fetch.Request) (a fetch.Answer, err error) {
	client, err := client(r)
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return a, err
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, r.Limit+1))
	if err != nil {
		return a, err
	}
	if int64(len(body)) > r.Limit {
		return a, fmt.Errorf("the answer is longer than %d bytes", r.Limit)
	}
	return fetch.Answer{Status: resp.StatusCode, Header: first(resp.Header), Body: body}, nil
}

func client(r fetch.Request) (*http.Client, error) {
	t, err := transport(r.CAs)
	if err != nil {
		return nil, err
	}
	if r.LowPort {
		t.DialContext = lowPort
	}
	check := redirect
	if r.Direct {
		t.Proxy = nil
		check = func(*http.Request, []*http.Request) error {
			return errors.New("redirected, which is not followed here")
		}
	}
	return &http.Client{Transport: t, CheckRedirect: check}, nil
}

// transport trusts the system's authorities and those of the configuration.
func transport(cas []string) (*http.Transport, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("certificate authorities of the system: %w", err)
	}
	for i, pem := range cas {
		if !pool.AppendCertsFromPEM([]byte(pem)) {
			return nil, fmt.Errorf("ca_certs[%d] has no certificate", i)
		}
	}
	return &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DisableCompression: true, DisableKeepAlives: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 32 << 10}, nil
}

// lowPort connects from a port below 1024. The resolver's own connections are not made by this.
func lowPort(ctx context.Context, network, address string) (conn net.Conn, err error) {
	for range 20 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{Port: 600 + rand.N(424)}}
		if conn, err = d.DialContext(ctx, network, address); !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return conn, err
		}
	}
	return nil, err
}

// redirect is called before each redirection.
func redirect(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) > 5:
		return errors.New("more than 5 redirections")
	case via[len(via)-1].URL.Scheme == "https" && to.URL.Scheme != "https":
		return errors.New("redirected from https to http")
	}
	return nil
}

func first(h http.Header) map[string]string {
	out := map[string]string{}
	for name := range h {
		out[name] = h.Get(name)
	}
	return out
}

// plain removes the URL from an error, and says what may help.
func plain(err error) string {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return err.Error() + " (the clock of this machine may be wrong)"
	case errors.As(err, &unknown):
		return err.Error() + " (ca_certs can have its certificate)"
	}
	return err.Error()
}
