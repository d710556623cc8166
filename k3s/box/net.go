package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sleep waits for seconds, a Go duration or "infinity", or until it is cancelled.
func sleep(ctx context.Context, _ stdio, args []string) error {
	if len(args) != 1 {
		return errors.New("want one duration")
	}
	d, err := duration(args[0])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return nil
}

func duration(text string) (time.Duration, error) {
	if text == "infinity" {
		return 1<<63 - 1, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return time.Duration(seconds * float64(time.Second)), nil
	}
	return time.ParseDuration(text)
}

// wget fetches a URL to standard output or, with -O FILE, to a file. It supports -q and -T SECONDS; -q is always on.
func wget(ctx context.Context, std stdio, args []string) error {
	var url, file string
	timeout := 30 * time.Second
	for i := 0; i < len(args); i++ {
		value := ""
		if i+1 < len(args) {
			value = args[i+1]
		}
		switch a := args[i]; {
		case a == "-q":
		case a == "-O" || a == "-qO" || a == "-T":
			i++
			if a == "-T" {
				d, err := duration(value)
				if err != nil {
					return err
				}
				timeout = d
			} else {
				file = value
			}
		case a == "-O-" || a == "-qO-":
		default:
			url = a
		}
	}
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	return fetch(ctx, std, url, file, timeout)
}

func fetch(ctx context.Context, std stdio, url, file string, timeout time.Duration) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	reply, err := (&http.Client{Timeout: timeout}).Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode >= 400 {
		return fmt.Errorf("%s: %s", url, reply.Status)
	}
	out := std.out
	if file != "" && file != "-" {
		f, err := os.Create(file)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	_, err = io.Copy(out, reply.Body)
	return err
}

// httpd answers every request with TEXT, or with this host's name: `httpd [-p PORT] [-h FOLDER | TEXT]`.
func httpd(ctx context.Context, std stdio, args []string) error {
	port, folder, text := "8080", "", ""
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-p" && i+1 < len(args):
			i++
			port = args[i]
		case args[i] == "-h" && i+1 < len(args):
			i++
			folder = args[i]
		default:
			text = args[i]
		}
	}
	if text == "" {
		name, err := os.Hostname()
		if err != nil {
			return err
		}
		text = name
	}
	var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(std.out, "%s %s %s\n", r.RemoteAddr, r.Method, r.URL.Path)
		fmt.Fprintln(w, text)
	})
	if folder != "" {
		handler = http.FileServer(http.Dir(folder))
	}
	return serve(ctx, &http.Server{Addr: ":" + port, Handler: handler, ReadHeaderTimeout: 10 * time.Second})
}

func serve(ctx context.Context, s *http.Server) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		<-ctx.Done()
		s.Close()
	}()
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func nslookup(ctx context.Context, std stdio, args []string) error {
	if len(args) != 1 {
		return errors.New("want one name")
	}
	addrs, err := net.DefaultResolver.LookupHost(ctx, args[0])
	for _, a := range addrs {
		fmt.Fprintln(std.out, a)
	}
	return err
}

func hostname(_ context.Context, std stdio, _ []string) error {
	name, err := os.Hostname()
	if err == nil {
		fmt.Fprintln(std.out, name)
	}
	return err
}
