package flash

import (
	"bytes"
	"strings"
	"testing"
)

func TestInto(t *testing.T) {
	image := makeImage(t)
	say := func(o Options) (string, error) {
		var out bytes.Buffer
		err := Into(t.Context(), o, []string{image}, &out)
		return out.String(), err
	}
	if got, err := say(Options{Show: true}); err != nil || got != ownConfig {
		t.Errorf("%q, %v", got, err)
	}
	got, err := say(Options{SSHKey: write600(t, "id.pub", key)})
	if want := image + ": config.yaml: a hostname of its own, 1 SSH key\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	bad := write600(t, "my.yaml", "hostname: edge-1\nk3s:\n  lables: {a: b}\n")
	got, err = say(Options{Config: bad})
	if want := bad + `:3:3: unknown key "lables"; did you mean "labels"?`; err == nil || !strings.Contains(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if got, err := say(Options{Show: true}); err != nil || got != ownConfig+"ssh_authorized_keys:\n  - \""+key+"\"\n" {
		t.Errorf("after a refusal: %q, %v", got, err)
	}
	if _, err := say(Options{Config: bad, Force: true}); err != nil {
		t.Error(err)
	}
	if got, err := say(Options{Show: true}); err != nil || !strings.HasPrefix(got, "hostname: edge-1\n") {
		t.Errorf("after --force: %q, %v", got, err)
	}
	judge(t, image)
}

func TestIntoRefuses(t *testing.T) {
	image := makeImage(t)
	config := write600(t, "my.yaml", "hostname: a\n")
	for name, c := range map[string]struct {
		o    Options
		file string
		want string
	}{
		"no file":    {Options{Show: true}, "", "which image?"},
		"two files":  {Options{Show: true}, "a b", "which image?"},
		"nothing":    {Options{}, image, "what is to be put in? --config FILE"},
		"both":       {Options{Show: true, Config: config}, image, "--show prints what is there and puts nothing in"},
		"compressed": {Options{Config: config}, "x.img.zst", "x.img.zst is compressed\nhint: `zstd -d x.img.zst`"},
		"directory":  {Options{Config: config}, t.TempDir(), "is no image file\nhint: on a disk, mount"},
		"no image":   {Options{Config: config}, config, "my.yaml: no boot partition of proa's in its table"},
		"none":       {Options{Show: true}, "/nonexistent.img", "/nonexistent.img: no such file"},
		"empty":      {Options{Config: write600(t, "e.yaml", "")}, image, "e.yaml is empty"},
	} {
		err := Into(t.Context(), c.o, strings.Fields(c.file), &bytes.Buffer{})
		if err == nil || !strings.HasPrefix(err.Error(), "config-into: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}
