package token

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnsureKeepsThePassword(t *testing.T) {
	dir, bundle := t.TempDir(), []byte("authority")
	read := func() string {
		data, err := os.ReadFile(filepath.Join(dir, "node-token"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(data))
	}
	for range 2 {
		if err := Ensure(dir, "", bundle); err != nil {
			t.Fatal(err)
		}
	}
	first := read()
	parsed, err := Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	if len(parsed.Password) < 26 || parsed.Verify(bundle) != nil || parsed.Verify([]byte("other")) == nil {
		t.Errorf("token %q", first)
	}
	if err := Ensure(dir, "", bundle); err != nil || read() != first {
		t.Errorf("token changed from %q to %q (%v)", first, read(), err)
	}
	if err := Ensure(dir, "chosen", bundle); err != nil || !strings.HasSuffix(read(), "::server:chosen") {
		t.Errorf("given password not stored: %q (%v)", read(), err)
	}
	if info, _ := os.Stat(filepath.Join(dir, "token")); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "K10", "K10abc::server:x", "K10" + strings.Repeat("a", 64) + "::server", "K10" + strings.Repeat("a", 64) + "::server:"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) = %+v", text, got)
		}
	}
}
