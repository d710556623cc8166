package transport

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// raw hijacks the connection and writes what no library would.
func raw(f func(c net.Conn, from int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		f(c, from(r))
	}
}

// from is the first byte of the range that is asked for.
func from(r *http.Request) int {
	text, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	n, _ := strconv.Atoi(text)
	return n
}

func partHead(from, to, total int) string {
	return fmt.Sprintf("HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\nContent-Range: bytes %d-%d/%d\r\nETag: \"v1\"\r\n\r\n", to-from, from, to-1, total)
}

// limited sends at most n bytes of the answer, and then does something to the connection.
func limited(n int, end func(net.Conn)) http.HandlerFunc {
	return raw(func(c net.Conn, from int) {
		all := content()
		if from == 0 {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: \"v1\"\r\n\r\n", len(all))
		} else {
			io.WriteString(c, partHead(from, len(all), len(all)))
		}
		c.Write(all[from:min(len(all), from+n)])
		if from+n < len(all) {
			end(c)
		}
	})
}

// reset ends a connection by RST, once what was written has arrived.
func reset(c net.Conn) {
	time.Sleep(50 * time.Millisecond)
	c.(*net.TCPConn).SetLinger(0)
}

func stall(c net.Conn) { time.Sleep(12 * time.Second) }

// badServer is one of them, or a good one.
type badServer struct {
	name    string
	handler http.HandlerFunc
	says    string
}

// needs is short only where the server uses it up.
func (b badServer) needs() Patience {
	p := patient
	switch {
	case b.name == "stalls":
		p.Stall = 4 * time.Second
	case strings.Contains(b.says, "no answer"), strings.Contains(b.says, "too slow"):
		p = short
	case strings.Contains(b.says, "no progress"), strings.Contains(b.says, "headers exceeded"):
		p.Budget = short.Budget
	}
	if strings.Contains(b.says, "too slow") {
		p.Stall, p.Least = 3*time.Second, 1000
	}
	return p
}

// servers is what there is on the internet. says: the error; empty: the file arrives.
var servers = []badServer{
	{"good", file, ""},
	{"without ranges", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content())))
		w.Write(content())
	}, ""},
	{"without ranges and length", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		w.Write(content())
	}, ""},
	{"truncates", limited(700_000, func(net.Conn) {}), ""},
	{"resets", limited(700_000, reset), ""},
	{"stalls", limited(900_000, stall), ""},
	{"breaks off after every byte", limited(1, reset), "no progress for 4s: check network and server, then run the same command again"},
	{"never answers", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer within 1.2s"},
	{"slow loris in the head", raw(func(c net.Conn, _ int) {
		for range 60 {
			if _, err := io.WriteString(c, "H"); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}), "no answer within 1.2s"},
	{"slow loris in the body", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content())))
		for i := 0; r.Context().Err() == nil; i++ {
			w.Write(content()[i : i+1])
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	}, "too slow"},
	{"endless head", raw(func(c net.Conn, _ int) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(c, "X-%d: %s\r\n", i, strings.Repeat("x", 1000)); err != nil {
				return
			}
		}
	}), "server response headers exceeded"},
	{"endless body", func(w http.ResponseWriter, r *http.Request) {
		for i := 0; ; i++ {
			if _, err := w.Write(content()); err != nil {
				return
			}
		}
	}, "longer than the 3000000 bytes expected"},
	{"longer by its length", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3000001")
		w.Write(make([]byte, 3e6+1))
	}, "has 3000001 bytes there, expected are 3000000"},
	{"gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(content())
	}, `encoded as "gzip", which was not asked for`},
	{"lies about the range", lies(1, 0, 0), "answered with bytes 1000001-"},
	{"lies about the end", lies(0, 1000, 0), "without a valid Content-Range"},
	{"lies about the total", lies(0, 0, 5), "has 3000005 bytes there, expected are 3000000"},
	{"206 without a range", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(206)
		w.Write(content()[:1000])
	}, "answered with a part (206)"},
	{"changes", changing(), "changed while it was read"},
	{"redirects elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.invalid/x?secret", http.StatusFound)
	}, `redirected to another host, "elsewhere.invalid"`},
	{"redirects for ever", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, "more than 5 redirections"},
	{"redirects to itself", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/moved" {
			http.Redirect(w, r, "/moved", http.StatusTemporaryRedirect)
			return
		}
		file(w, r)
	}, ""},
	{"404", status(404, ""), "HTTP status 404: there is no such file"},
	{"403", status(403, ""), "HTTP status 403"},
	{"416", func(w http.ResponseWriter, r *http.Request) {
		if from(r) > 0 {
			w.WriteHeader(416)
			return
		}
		limited(700_000, reset)(w, r)
	}, "(it may have been cut)"},
	{"500", status(500, ""), "HTTP status 500; no progress"},
	{"503 with a long Retry-After", status(503, "3600"), "HTTP status 503; no progress"},
	{"503 for a while", twice(status(503, "")), ""},
	{"401", status(401, ""), "HTTP status 401"},
	{"304", status(304, ""), "HTTP status 304"},
}

// lies answers a range with another one; from 0 on it breaks off after a million bytes, so that there is one.
func lies(first, last, total int) http.HandlerFunc {
	return raw(func(c net.Conn, from int) {
		size := len(content())
		if from == 0 {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
			c.Write(content()[:1_000_000])
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n", from+first, size-1+last, size+total, size-from-first+last)
		c.Write(content()[from:])
	})
}

// changing has another file from the second request on.
func changing() http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			limited(700_000, reset)(w, r)
			return
		}
		w.Header().Set("Etag", `"v2"`)
		http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(content()))
	}
}

func status(code int, after string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.WriteHeader(code)
	}
}

// twice answers the first two requests by h, and all others well.
func twice(h http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) <= 2 {
			h(w, r)
			return
		}
		file(w, r)
	}
}
