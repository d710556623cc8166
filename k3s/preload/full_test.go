package preload

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk: at 100 % existing images are found and nothing is written; new archives are reported, and imported once
// there is space.
func TestFullDisk(t *testing.T) {
	b := newBench(t)
	b.put(b.p.Packaged, "pause.tar", oci(t, proa, image(t, runtime.GOARCH, map[string]string{"pause": "content"})))
	b.start()
	app := b.put(b.p.User, "app.tar", docker(t, "example.org/app:1", image(t, runtime.GOARCH, map[string]string{"app": "content"})))
	ballast := filepath.Join(filepath.Dir(b.p.State), "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(bytes.Repeat([]byte{1}, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	f.Close()
	b.start()
	if !b.has(proa) || b.told("pause.tar") != "" || len(b.imported) != 1 {
		t.Errorf("what was there: told %q, imported %q", b.told("pause.tar"), b.imported)
	}
	if told := b.told("app.tar"); b.has("example.org/app:1") || !strings.Contains(told, "no space left") {
		t.Errorf("what came: told %q", told)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	last := b.p.tried[app]
	b.p.tried[app] = attempt{stamp: last.stamp, at: last.at.Add(-again)}
	if err := b.p.pass(context.Background(), b.c, false); err != nil {
		t.Fatal(err)
	}
	if !b.has("example.org/app:1") || len(b.problems) > 0 {
		t.Errorf("with room again: problems %q", b.problems)
	}
}
