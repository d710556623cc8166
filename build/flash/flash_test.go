package flash

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
	"github.com/proa-os/proa/images/tree"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP you@desk"

// The disk is larger than the image and full of other data: afterwards everything that the image defines is the
// image's.
func TestOverGarbage(t *testing.T) {
	file := makeImage(t)
	for _, image := range []string{file, compress(t, file)} {
		target := garbage(t)
		j, out := on(t, "laptop", image)
		j.bars = func(step string, total int64) *bar {
			return &bar{out: out, now: time.Now, step: step, total: total}
		}
		if err := j.run(t.Context(), []string{target}); err != nil {
			t.Fatal(err)
		}
		want, got := content(t, file), content(t, target)
		size := len(want)
		switch {
		case !bytes.Equal(got[:size], want):
			t.Errorf("%s: the image is not on the disk", image)
		case !sparse.IsZero(got[size:size+layout.MiB]) || !sparse.IsZero(got[len(got)-layout.MiB:]):
			t.Errorf("%s: old data behind the image or at the end of the disk", image)
		case got[size+layout.MiB] != 0xff:
			t.Errorf("%s: more was wiped than need be", image)
		}
		for _, line := range []string{"write ", "verify ", "nobody can log in yet", " is ready to boot (sha256"} {
			if !strings.Contains(out.String(), line) {
				t.Errorf("%s: no %q in\n%s", image, line, out)
			}
		}
		judge(t, target)
	}
}

// judge has sgdisk move the backup GPT to the end, as the device does, and verify the result.
func judge(t *testing.T, file string) {
	t.Helper()
	tool := oracle.Tool(t, "sgdisk")
	if out, err := exec.Command(tool, "-e", file).CombinedOutput(); err != nil || bytes.Contains(out, []byte("aution")) {
		t.Errorf("sgdisk -e: %v\n%s", err, out)
	}
	if out, err := exec.Command(tool, "-v", file).CombinedOutput(); err != nil || !bytes.Contains(out, []byte("No problems found")) {
		t.Errorf("sgdisk -v: %v\n%s", err, out)
	}
}

func TestConfigGoesIn(t *testing.T) {
	image := makeImage(t)
	keyFile := write600(t, "id.pub", key+"\n")
	for name, c := range map[string]struct{ config, key, want, said string }{
		"config":      {"hostname: edge-1\n", "", "hostname: edge-1\n", "config.yaml: edge-1, no SSH key: nobody can log in"},
		"both":        {"hostname: edge-1\n", keyFile, "hostname: edge-1\nssh_authorized_keys:\n  - \"" + key + "\"\n", "config.yaml: edge-1, 1 SSH key"},
		"key only":    {"", keyFile, ownConfig + "ssh_authorized_keys:\n  - \"" + key + "\"\n", "config.yaml: a hostname of its own, 1 SSH key"},
		"the image's": {"", "", ownConfig, "nobody can log in yet"},
	} {
		target := garbage(t)
		j, out := on(t, "laptop", image)
		j.SSHKey = c.key
		if c.config != "" {
			j.Config = write600(t, "my.yaml", c.config)
		}
		if err := j.run(t.Context(), []string{target}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(out.String(), c.said) {
			t.Errorf("%s: no %q in\n%s", name, c.said, out)
		}
		f, err := os.Open(target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := bootconfig.Read(f, spec.ImageSize()+extra)
		if f.Close(); err != nil || string(got.Bytes) != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got.Bytes, err, c.want)
		}
	}
}

func TestRefusedBeforeAnythingIsWritten(t *testing.T) {
	image := makeImage(t)
	noGPT := write600(t, "other.img", string(make([]byte, 2*layout.MiB)))
	cut := compress(t, image)
	if err := os.Truncate(cut, int64(len(content(t, cut))/2)); err != nil {
		t.Fatal(err)
	}
	target := garbage(t)
	// given is a job that writes something of whole sectors that begins so
	given := func(at int, magic string) func(j *job) {
		b := make([]byte, 2*layout.MiB)
		copy(b[at:], magic)
		return func(j *job) { j.Image = write600(t, "given.img", string(b)) }
	}
	of4 := makeImage(t, tree.File("slots/a/manifest.json", 0o644, tree.Bytes([]byte(`{"board": "rpi4"}`))))
	short := write600(t, "short.img", string(content(t, image)[:len(content(t, image))-layout.MiB*2]))
	for name, c := range map[string]struct {
		change func(j *job)
		args   string
		want   string
	}{
		"gzip":           {given(0, "\x1f\x8b"), target, "given.img: no boot partition of proa's: it is compressed; unpack it by `gunzip FILE`"},
		"xz":             {given(0, "\xfd7zXZ\x00"), target, "unpack it by `xz -d FILE`"},
		"qcow2":          {given(0, "QFI\xfb"), target, "it is a QCOW2 image"},
		"slot file":      {given(0, "manifest.json\x00"), target, "it is a slot file"},
		"zeros":          {given(0, ""), target, "no boot partition of proa's"},
		"another system": {given(510, "\x55\xaa"), target, "it has another kind of partition table"},
		"cut off":        {func(j *job) { j.Image = short }, target, "it is cut off: partition root-b ends at "},
		"another board":  {func(j *job) { j.Image = of4 }, target, "it is an image for board rpi4, not for pc"},
		"two disks":      {nil, "sdd sde", "one disk at a time, not sdd sde"},
		"system":         {nil, "nvme0n1", "nvme0n1 holds the running system: "},
		"mounted":        {nil, "/dev/sdb", "sdb is in use: sdb2 mounted on "},
		"none":           {nil, "sdz", "there is no disk sdz\nhint: `proa flash pc` lists"},
		"partition":      {nil, "sdd1", "sdd1 is a partition"},
		"fixed":          {nil, "sdg", "sdg is built in"},
		"kind":           {func(j *job) { j.Kind = "sd" }, "sdd", "board pc has no such image to write to a disk; it has iso, disk"},
		"nobody to ask":  {func(j *job) { j.Yes = false }, "sdd", "everything on sdd will be lost, and there is no terminal to ask at\nhint: --yes"},
		"no rights":      {func(j *job) { j.access = func(string) error { return unix.EACCES } }, "sdd", "permission denied"},
		"problems":       {func(j *job) { j.Config = write600(t, "my.yaml", "hostnaem: a\n") }, target, "my.yaml has 1 problem\n"},
		"private key":    {func(j *job) { j.SSHKey = write600(t, "id", "-----BEGIN OPENSSH PRIVATE KEY-----") }, target, "is a private key"},
		"no config":      {func(j *job) { j.Config = "/nonexistent.yaml" }, target, "open /nonexistent.yaml: no such file"},
		"build":          {func(j *job) { j.Image = "" }, target, "nothing is to be built"},
		"no image":       {func(j *job) { j.Image = "/nonexistent.img" }, target, "open /nonexistent.img: no such file"},
		"small, unbuilt": {func(j *job) { j.Image = "" }, write600(t, "small", "x"), "small has 1 B, the image needs "},
		"too small":      {nil, write600(t, "small", "x"), "small has 1 B, the image needs "},
		"itself":         {nil, image, "proa-pc.img is the image itself"},
		"cut":            {func(j *job) { j.Image = cut }, target, "proa-pc.img.zst: unpack: unexpected EOF"},
		"no disk image":  {func(j *job) { j.Image = write600(t, "x.img", "hello") }, target, "x.img: 5 bytes are no disk image"},
		"no boot in it":  {func(j *job) { j.Image, j.SSHKey = noGPT, write600(t, "id.pub", key) }, target, "other.img: no boot partition of proa's"},
		"other answer":   {func(j *job) { j.Yes, j.asked, j.in = false, true, strings.NewReader("sdb\n") }, target, `"sdb" is not ` + target + "; nothing was written"},
		"no answer":      {func(j *job) { j.Yes, j.asked, j.in = false, true, strings.NewReader("") }, target, "no answer; nothing was written"},
		"stopped before": {func(j *job) { j.build, j.Image = nil, "" }, target, "stopped"},
	} {
		j, _ := on(t, "laptop", image)
		ctx, cancel := context.WithCancel(t.Context())
		if c.change != nil {
			c.change(j)
		}
		if j.build == nil {
			j.build = func(string) (string, error) { cancel(); return image, nil }
		}
		err := j.run(ctx, strings.Fields(c.args))
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
	if b := content(t, target); bytes.Count(b, []byte{0xff}) != len(b) {
		t.Error("something was written")
	}
}

func TestAsks(t *testing.T) {
	image, target := makeImage(t), garbage(t)
	for answer, ok := range map[string]bool{"sdd\n": true, "/dev/sdd\n": true, "yes": true, "y\n": false, "\n": false} {
		j, out := on(t, "laptop", image)
		j.Yes, j.asked, j.in = false, true, strings.NewReader(answer)
		j.open = instead(target, unchanged)
		if err := j.run(t.Context(), []string{"sdd"}); (err == nil) != ok {
			t.Errorf("%q: %v", answer, err)
		}
		for _, want := range []string{"disk   sdd  14.8 GiB  usb  Kingston DataTraveler 3.0  serial …3E44\n", "sdd1           14.8 GiB  exfat MUSIC\n", "Type sdd to go on: "} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	}
}

// never is a user who does not answer.
type never struct{}

func (never) Read([]byte) (int, error) { select {} }

func TestCtrlCWhileAsked(t *testing.T) {
	j, _ := on(t, "laptop", makeImage(t))
	j.Yes, j.asked, j.in = false, true, never{}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := j.run(ctx, []string{"sdd"}); !errors.Is(err, errUntouched) {
		t.Error(err)
	}
}

func TestKind(t *testing.T) {
	for _, c := range []struct {
		images     string
		kind, want string
	}{
		{"iso disk", "", "disk"}, {"sd", "", "sd"}, {"disk sd", "", "sd"}, {"disk sd", "disk", "disk"}, {"iso disk", "iso", ""}, {"iso", "", ""},
	} {
		j := &job{Options: Options{Kind: c.kind}}
		j.board.Images = strings.Fields(c.images)
		got, err := j.kind()
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s, --kind %q: %q, %v", c.images, c.kind, got, err)
		}
	}
}

func TestList(t *testing.T) {
	j, out := on(t, "laptop", "")
	if err := j.run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := `disks that can be written to:
  sdd  14.8 GiB  usb  Kingston DataTraveler 3.0  serial …3E44
    sdd1 14.8 GiB exfat MUSIC
not:
  nvme0n1 holds the running system: nvme0n1p1 mounted on /boot, nvme0n1p2 → dm-0 (cryptroot) → dm-1 (vg0-root) mounted on /, nvme0n1p2 → dm-0 (cryptroot) → dm-2 (vg0-swap) swap
  sda is in use: sda1 part of dm-3 (vg1-old)
  sdb is in use: sdb2 mounted on /media/you/my stick
  sdc has no medium: insert a card
  sde is in use: sde part of loop0
  sdf has sectors of 4096 bytes; images are made for 512
  sdg is built in, not removable; --force writes to it anyway

to erase sdd and write proa to it:  proa flash pc sdd
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}
