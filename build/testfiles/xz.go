package testfiles

import (
	"bytes"
	"testing"

	"github.com/ulikunitz/xz"
)

// XZ packs a text as Debian packs kernel modules.
func XZ(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
