package cpio

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/u-root/u-root/pkg/cpio"
	"github.com/u-root/uio/uio"

	"github.com/proa-os/proa/images/tree"
)

var when = time.Unix(1_700_000_000, 0)

func entries() []tree.Entry {
	return []tree.Entry{
		tree.Symlink("bin", "usr/bin"), tree.CharDev("dev/console", 0o600, 5, 1),
		tree.File("init", 0o755, tree.Bytes([]byte("#!init"))), tree.File("usr/bin/x", 0o755, tree.Bytes(nil)),
	}
}

func write(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, entries(), when); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRecords(t *testing.T) {
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(write(t))))
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Name         string
		Mode         uint64
		Rmajor, Size uint64
		Content      string
	}
	var got []row
	for _, r := range records {
		data, err := io.ReadAll(uio.Reader(r))
		if err != nil || r.MTime != uint64(when.Unix()) {
			t.Errorf("%s: time %d, %v", r.Name, r.MTime, err)
		}
		got = append(got, row{r.Name, r.Mode, r.Rmajor, r.FileSize, string(data)})
	}
	want := []row{
		{".", 0o040755, 0, 0, ""}, {"bin", 0o120777, 0, 7, "usr/bin"}, {"dev", 0o040755, 0, 0, ""}, {"dev/console", 0o020600, 5, 0, ""},
		{"init", 0o100755, 0, 6, "#!init"}, {"usr", 0o040755, 0, 0, ""}, {"usr/bin", 0o040755, 0, 0, ""}, {"usr/bin/x", 0o100755, 0, 0, ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSameInputSameBytes(t *testing.T) {
	if a, b := write(t), write(t); !bytes.Equal(a, b) {
		t.Error("two runs differ")
	}
}

func TestRefusesTwice(t *testing.T) {
	if err := Write(io.Discard, append(entries(), tree.Dir("init", 0o755)), when); err == nil {
		t.Error("a path that stands twice was accepted")
	}
}
