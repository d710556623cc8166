package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/config/pushlink"
)

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// pushing is a host with two files, and the engine's side of the connection. size may be replaced, as by a file that changes.
func pushing(t *testing.T, files map[string][]byte) (p *Pipe, hangUp func(), gone <-chan struct{}, ended <-chan pushlink.Ended) {
	t.Helper()
	fromHost, toEngine := io.Pipe()
	fromEngine, toHost := io.Pipe()
	said := make(chan pushlink.Ended, 1)
	go func() {
		how, _ := pushlink.Host{Kind: pushlink.Repository, Name: "ada@harbour\x1b[2J", Open: func(name string) (pushlink.File, error) {
			if files[name] == nil {
				return nil, fs.ErrNotExist
			}
			return memory{bytes.NewReader(files[name])}, nil
		}}.Serve(fromEngine, toEngine)
		said <- how
	}()
	over := make(chan struct{})
	p, err := NewPipe(t.Context(), fromHost, toHost, time.Second, func() { close(over) })
	if err != nil {
		t.Fatal(err)
	}
	return p, func() { toEngine.Close(); toHost.Close() }, over, said
}

// TestPipe: whatever is read, in any order and of two files in turns, is what the host has.
func TestPipe(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	files := map[string][]byte{"metadata/a": make([]byte, 3<<20+5), "targets/b": make([]byte, 2<<20)}
	for _, b := range files {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	p, hangUp, gone, ended := pushing(t, files)
	if p.String() != "ada@harbour [2J" || p.Kind() != pushlink.Repository {
		t.Errorf("%q, %q", p, p.Kind())
	}
	open, read := map[string]File{}, map[string]int64{}
	for name, b := range files {
		f, err := p.Open(t.Context(), name, int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		open[name] = f
	}
	for i := range 200 {
		for name, f := range open {
			want := files[name]
			off := r.IntN(len(want))
			b := make([]byte, 1+r.IntN(min(len(want)-off, 300_000)))
			if i%2 == 0 {
				f.Until(int64(off + len(b)))
			} else {
				f.Until(Unknown)
			}
			if n, err := f.ReadAt(t.Context(), b, int64(off)); err != nil || !bytes.Equal(b[:n], want[off:off+len(b)]) {
				t.Fatalf("%s at %d: %d of %d bytes, %v", name, off, n, len(b), err)
			}
			read[name] += int64(len(b))
		}
	}
	for name, f := range open { // every second answer went to the end of the file, or a piece, and was dropped
		if n := f.Received(); n < read[name]*3/2 {
			t.Errorf("%s: %d bytes were transferred, %d read", name, n, read[name])
		}
	}
	if all, err := io.ReadAll(Reader(t.Context(), open["targets/b"])); err != nil || !bytes.Equal(all, files["targets/b"]) {
		t.Errorf("%d bytes, %v", len(all), err)
	}
	for name, want := range map[string]error{"targets/c": ErrMissing, "../b": nil, "targets/b": nil} {
		if _, err := p.Open(t.Context(), name, 7); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Ended(pushlink.Ended{Version: "v2", Trying: true}); err != nil {
		t.Error(err)
	}
	hangUp()
	<-gone
	if e := <-ended; e.Version != "v2" || !e.Trying {
		t.Errorf("%+v", e)
	}
	if _, err := open["targets/b"].ReadAt(t.Context(), make([]byte, 1), 0); !errors.Is(err, ErrHostGone) && !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}

// TestPipeChanges: a file that has another size than before is refused.
func TestPipeChanges(t *testing.T) {
	files := map[string][]byte{"metadata/a": make([]byte, 100)}
	p, _, _, _ := pushing(t, files)
	f, err := p.Open(t.Context(), "metadata/a", Unknown)
	if err != nil {
		t.Fatal(err)
	}
	files["metadata/a"] = make([]byte, 90)
	if _, err := f.ReadAt(t.Context(), make([]byte, 10), 0); !errors.Is(err, errChanged) {
		t.Error(err)
	}
}

// TestPipeHost: what a host may not do ends the run with a reason, and in time.
func TestPipeHost(t *testing.T) {
	const hello = `{"format":1,"kind":"repository"}` + "\n"
	for says, want := range map[string]string{
		"":                               "standard input is not proa push",
		"ls\n":                           "standard input is not proa push",
		`{"format":2,"kind":"x"}` + "\n": "the host speaks format 2 of proa push, this system 1",
		hello + `{"size":-1}` + "\n":     "has -1 bytes",
		hello + `{"size":8}` + "\n" + `{"size":8,"length":9}` + "\n":   "answers with 9 bytes",
		hello + `{"size":8}` + "\n" + `{"size":8,"length":0}` + "\n":   "unexpected EOF",
		hello + `{"size":8}` + "\n" + `{"size":8,"length":4}` + "\nab": "is gone",
		hello + `{"error":"no\u001b way"}` + "\n":                      "the host: no  way",
		hello + strings.Repeat("x", 70_000):                            "longer than 8192",
	} {
		err := func() error {
			p, err := NewPipe(t.Context(), strings.NewReader(says), io.Discard, time.Second, func() {})
			if err != nil {
				return err
			}
			f, err := p.Open(t.Context(), "metadata/a", Unknown)
			if err != nil {
				return err
			}
			_, err = f.ReadAt(t.Context(), make([]byte, 8), 0)
			return err
		}()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", says, err, want)
		}
	}
	silent, _ := io.Pipe()
	if _, err := NewPipe(t.Context(), silent, io.Discard, 50*time.Millisecond, func() {}); err == nil || !strings.Contains(err.Error(), "nothing arrived from the host for 50ms") {
		t.Errorf("a silent host: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := NewPipe(ctx, silent, io.Discard, time.Minute, func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
