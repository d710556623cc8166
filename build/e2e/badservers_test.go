package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// instead answers requests for one kind of file otherwise.
func instead(end string, h http.HandlerFunc) func(http.Handler) http.Handler {
	return func(files http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, end) {
				h(w, r)
				return
			}
			files.ServeHTTP(w, r)
		})
	}
}

// cutOff ends the first answer with a patch after n bytes of it, in some way; others are answered by then, or the files.
func cutOff(n int, end func(net.Conn, *http.Request), then func(http.ResponseWriter, *http.Request)) func(http.Handler) http.Handler {
	var first atomic.Bool
	return func(files http.Handler) http.Handler {
		return instead(".patch", func(w http.ResponseWriter, r *http.Request) {
			switch {
			case first.CompareAndSwap(false, true):
				files.ServeHTTP(&cutWriter{ResponseWriter: w, left: n, end: func(c net.Conn) { end(c, r) }}, r)
			case then != nil:
				then(w, r)
			default:
				files.ServeHTTP(w, r)
			}
		})(files)
	}
}

// cutWriter takes the connection once so much was sent.
type cutWriter struct {
	http.ResponseWriter
	left int
	end  func(net.Conn)
}

func (w *cutWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b[:min(len(b), w.left)])
	if w.left -= n; w.left > 0 || err != nil {
		return n, err
	}
	w.ResponseWriter.(http.Flusher).Flush()
	c, _, err := w.ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return n, err
	}
	w.end(c)
	c.Close()
	return n, http.ErrHijacked
}

// stalls says nothing more until the other side gives up.
func stalls(c net.Conn, _ *http.Request) { c.Read(make([]byte, 1)) }

// resets ends the connection by RST.
func resets(c net.Conn, _ *http.Request) { c.(*net.TCPConn).SetLinger(0) }

// shifted answers a range with the one that begins a byte later.
func shifted(w http.ResponseWriter, r *http.Request) {
	text, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	from, _ := strconv.Atoi(text)
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from+1, from+1000, from+1001))
	w.WriteHeader(http.StatusPartialContent)
	w.Write(make([]byte, 1000))
}

// withoutRanges is a server that has never heard of ranges.
func withoutRanges(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		files.ServeHTTP(w, r)
	})
}

func toElsewhere(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "http://elsewhere.invalid/x", http.StatusFound)
}

func endless(w http.ResponseWriter, _ *http.Request) {
	for b := make([]byte, 64<<10); ; {
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

// gzipBomb is a gigabyte of zeros once it is decoded.
func gzipBomb(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	z, zeros := gzip.NewWriter(&b), make([]byte, 1<<20)
	for range 1 << 10 {
		z.Write(zeros)
	}
	z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(b.Bytes())
}
