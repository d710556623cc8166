package userfile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func TestDecode(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct{ encoding, content string }{
		{"", "hello"}, {"b64", b64("hello")}, {"base64", "aGVs\nbG8=\n"}, {"gz", zipped("hello")},
		{"gzip", zipped("hello")}, {"gz+b64", b64(zipped("hello"))}, {"gzip+base64", b64(zipped("hello"))},
	} {
		got, err := Decode(c.content, c.encoding)
		if err != nil || string(got) != "hello" {
			t.Errorf("%s: %q %v", c.encoding, got, err)
		}
	}
	for _, c := range []struct{ encoding, content string }{{"b64", "%"}, {"gz", "hello"}, {"gz+b64", b64("hello")}} {
		if _, err := Decode(c.content, c.encoding); err == nil {
			t.Errorf("%s of %q: no error", c.encoding, c.content)
		}
	}
}

func TestWrite(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, "etc"), 0o755)
	os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\napp:x:500:500::/:/bin/sh\n"), 0o644)
	os.WriteFile(filepath.Join(root, "etc/group"), []byte("web:x:33:\n"), 0o644)
	for _, c := range []struct {
		f    config.File
		want string
	}{
		{config.File{Path: "/a/b", Owner: "root:root", Permissions: "0644"}, "mkdir /a 0755\nwrite /a/b 0644\n"},
		{config.File{Path: "/a/b", Owner: "app:web", Permissions: "4755"}, "mkdir /a 0755\nwrite /a/b 0755\nchown /a/b 500:33 4755\n"},
		{config.File{Path: "/a/b", Owner: "7:8", Permissions: "0600"}, "mkdir /a 0755\nwrite /a/b 0600\nchown /a/b 7:8 0600\n"},
	} {
		fake := &sys.Fake{}
		if err := Write(fake, root, c.f); err != nil || fake.String() != c.want {
			t.Errorf("%+v: %v\n%s", c.f, err, fake)
		}
	}
	if err := Write(&sys.Fake{}, root, config.File{Path: "/a", Owner: "nobody:else", Permissions: "0644"}); err == nil {
		t.Error("an unknown owner was accepted")
	}
}
