package question

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/init/upgrade/peers/port"
)

func example() Answer {
	return Answer{Nonce: Nonce{1, 2}, Node: Node{3, 4}, State: Fetching, Boot: true, Port: port.Pieces, Root: 8 << 20, Moved: 9 << 20, Name: "edge-1"}
}

// TestDatagrams: both are read as they were written, and have the same length, so that nothing is amplified.
func TestDatagrams(t *testing.T) {
	q := Question{Nonce: Nonce{5}, Manifest: [32]byte{6, 7}}
	if got, err := ParseQuestion(q.Encode()); err != nil || got != q || len(q.Encode()) != Size {
		t.Errorf("%+v %v", got, err)
	}
	a := example()
	if got, err := ParseAnswer(a.Encode()); err != nil || got != a || len(a.Encode()) != Size {
		t.Errorf("%+v %v", got, err)
	}
	a.Name = strings.Repeat("x", 200)
	if got, err := ParseAnswer(a.Encode()); err != nil || got.Name != a.Name[:maxName] {
		t.Errorf("%+v %v", got, err)
	}
	a.Name = "a\x1b[2Jb\n"
	if got, err := ParseAnswer(a.Encode()); err != nil || got.Name != "a[2Jb" {
		t.Errorf("%+v %v", got, err)
	}
}

// TestRefused: lengths, versions, kinds and numbers that make no sense, and data in the padding.
func TestRefused(t *testing.T) {
	q, a := Question{}.Encode(), example().Encode()
	for name, change := range map[string]func([]byte) []byte{
		"short":   func(b []byte) []byte { return b[:Size-1] },
		"long":    func(b []byte) []byte { return append(b, 0) },
		"empty":   func([]byte) []byte { return nil },
		"version": func(b []byte) []byte { b[4]++; return b },
		"kind":    func(b []byte) []byte { b[5] = 'x'; return b },
		"padding": func(b []byte) []byte { b[Size-1] = 1; return b },
	} {
		if _, err := ParseQuestion(change(append([]byte(nil), q...))); err == nil {
			t.Errorf("question, %s: accepted", name)
		}
		if _, err := ParseAnswer(change(append([]byte(nil), a...))); err == nil {
			t.Errorf("answer, %s: accepted", name)
		}
	}
	for name, at := range map[string]int{"state": 32, "boot": 33, "root": 36, "moved": 44, "name": 52} {
		b := append([]byte(nil), a...)
		if b[at] = 255; true {
			if _, err := ParseAnswer(b); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	}
	b := append([]byte(nil), a...)
	if b[34], b[35] = 0, 0; true {
		if _, err := ParseAnswer(b); err == nil {
			t.Error("port 0: accepted")
		}
	}
}

// FuzzParse: no datagram makes either parser panic, and what is accepted is written as it was read.
func FuzzParse(f *testing.F) {
	f.Add(Question{Nonce: Nonce{1}}.Encode())
	f.Add(example().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := ParseQuestion(b); err == nil && string(q.Encode()) != string(b) {
			t.Errorf("%+v", q)
		}
		a, err := ParseAnswer(b)
		if err != nil {
			return
		}
		again, err := ParseAnswer(a.Encode())
		if err != nil || again != a || len(a.Name) > maxName {
			t.Errorf("%+v, again %+v %v", a, again, err)
		}
	})
}
