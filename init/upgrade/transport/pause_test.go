package transport

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/proa-os/proa/init/fetch/stream"
)

// opener answers from a function; in a bubble of synctest there can be no processes.
type opener func(r stream.Request) (stream.Head, io.ReadCloser, error)

func (o opener) Open(_ context.Context, r stream.Request) (stream.Head, io.ReadCloser, error) {
	return o(r)
}

func unavailable(after int64) (stream.Head, io.ReadCloser, error) {
	return stream.Head{Status: 503, Length: 0, First: -1, Last: -1, Total: -1, RetryAfter: after}, io.NopCloser(strings.NewReader("")), nil
}

// TestRetryAfter: a server is left alone for as long as it asks, but not beyond the budget.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		w, err := NewWeb(opener(func(stream.Request) (stream.Head, io.ReadCloser, error) {
			at = append(at, time.Since(began))
			return unavailable(120)
		}), "http://a.example")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Get(t.Context(), w, "file", 10, 10)
		if err == nil || !strings.Contains(err.Error(), "a.example: HTTP status 503; no progress for 5m0s") {
			t.Errorf("%v", err)
		}
		if len(at) != 3 || at[1] != 2*time.Minute || at[2] != 4*time.Minute {
			t.Errorf("asked at %v", at)
		}
	})
}

// TestPauses: pauses grow, and two mirrors are asked in turns.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, asked := time.Now(), map[string]int{}
		w, err := NewWeb(opener(func(r stream.Request) (stream.Head, io.ReadCloser, error) {
			asked[r.URL]++
			return stream.Head{}, nil, errors.New("connection refused")
		}), "http://a.example/x", "http://b.example/y/")
		if err != nil {
			t.Fatal(err)
		}
		_, err = Get(t.Context(), w, "file", 10, 10)
		if took := time.Since(began); err == nil || took < 4*time.Minute || took > 5*time.Minute {
			t.Errorf("%v after %s", err, took)
		}
		for _, u := range []string{"http://a.example/x/file", "http://b.example/y/file"} {
			if n := asked[u]; n < 10 || n > 20 { // 1, 2, 4, 8, 16, 30, 30 … seconds
				t.Errorf("%s was asked %d times of %v", u, n, asked)
			}
		}
	})
}

// TestReadersTime: what the reader takes between two reads does not count as a server without progress.
func TestReadersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := false
		w, err := NewWeb(opener(func(r stream.Request) (stream.Head, io.ReadCloser, error) {
			if failing = !failing; failing {
				return unavailable(0)
			}
			return stream.Head{Status: 206, First: r.From, Last: r.From, Total: 9, Length: 1}, io.NopCloser(strings.NewReader("x")), nil
		}), "http://a.example")
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.Open(t.Context(), "file", 9)
		if err != nil {
			t.Fatal(err)
		}
		for i := range int64(8) {
			time.Sleep(time.Hour)
			if _, err := f.ReadAt(t.Context(), make([]byte, 1), i+1); err != nil && err != io.EOF {
				t.Error(err)
			}
		}
	})
}

func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, b := time.Now(), NewBucket(1000)
		for range 100 {
			if err := b.Take(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("10000 bytes in %s", took)
		}
		time.Sleep(time.Hour) // what was not used is not kept for longer than a second
		began = time.Now()
		for range 20 {
			_ = b.Take(t.Context(), 100) // the context does not end
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("2000 bytes in %s after a pause", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.Take(ctx, 1e6); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
	if err := NewBucket(0).Take(t.Context(), math.MaxInt); err != nil {
		t.Error(err)
	}
}
