package fat

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

// TestInjectFailsWithoutATrace: a full file system, and a directory from which a computer has deleted files, keep what they hold.
func TestInjectFailsWithoutATrace(t *testing.T) {
	full := spec(MinSize)
	full.Files = append(full.Files, tree.File("big", 0o644, tree.Bytes(make([]byte, 30<<20))))
	var many Spec = spec(MinSize)
	for i := range 40 {
		many.Files = append(many.Files, tree.File(fmt.Sprintf("f%d", i), 0o644, tree.Bytes([]byte("x"))))
	}
	for name, c := range map[string]struct {
		spec   Spec
		before func(b []byte)
		want   string
	}{"full": {full, func([]byte) {}, "no space left"}, "deleted": {many, deleteFiles, "config.yaml: the directory cannot be rewritten"}} {
		img := sparse.New(MinSize)
		if err := Write(img, 0, c.spec); err != nil {
			t.Fatal(name, err)
		}
		b := make([]byte, MinSize)
		if _, err := img.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		c.before(b)
		file := t.TempDir() + "/fat.img"
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = Inject(f, 0, MinSize, "new.yaml", make([]byte, 6<<20), when)
		if name == "deleted" {
			err = Inject(f, 0, MinSize, "config.yaml", []byte("a"), when)
		}
		f.Close()
		if after, _ := os.ReadFile(file); !bytes.Equal(after, b) {
			t.Errorf("%s: the image has changed", name)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

// deleteFiles marks every second file of the root directory as deleted, as an operating system does.
func deleteFiles(b []byte) {
	for i, at := 0, bytes.Index(b, []byte("F0      ")); at > 0 && i < 40; i++ {
		name := fmt.Sprintf("%-8s   ", fmt.Sprintf("F%d", i))
		if e := bytes.Index(b, []byte(name)); e > 0 && i%2 == 0 {
			b[e] = 0xe5
		}
	}
}

// TestOverlay: it reads as the image would after the same writes, and commits the same.
func TestOverlay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	direct, held := sparse.New(1<<16), sparse.New(1<<16)
	o := newOverlay(held)
	for range 300 {
		p := make([]byte, r.IntN(2000))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		at := r.Int64N(1<<16 - int64(len(p)))
		for _, w := range []Image{direct, o} {
			if _, err := w.WriteAt(p, at); err != nil {
				t.Fatal(err)
			}
		}
		a, b := make([]byte, 1<<16), make([]byte, 1<<16)
		direct.ReadAt(a, 0)
		if o.ReadAt(b, 0); !bytes.Equal(a, b) {
			t.Fatal("it reads otherwise")
		}
	}
	if err := o.commit(); err != nil {
		t.Fatal(err)
	}
	a, b := make([]byte, 1<<16), make([]byte, 1<<16)
	direct.ReadAt(a, 0)
	if held.ReadAt(b, 0); !bytes.Equal(a, b) {
		t.Error("it commits otherwise")
	}
}
