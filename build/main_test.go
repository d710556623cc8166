package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/flash/bootconfig"
	keyverb "github.com/proa-os/proa/build/keys/verb"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
	"github.com/proa-os/proa/build/remote"
)

// say runs the command as main does.
func say(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv(envCache, filepath.Join(t.TempDir(), "cache"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "config")) // the throwaway keys of this test
	t.Setenv(keyverb.Env, "")
	var out bytes.Buffer
	err := proa(t.Context(), args, &out)
	return out.String(), err
}

func TestUsageErrorsHelp(t *testing.T) {
	for args, want := range map[string]string{
		"biuld pc":                    `no verb "biuld"; did you mean "build"`,
		"plan":                        "no board given; want one of: ",
		"plan cp":                     `no board "cp"; there is `,
		"plan raspberry":              `no board "raspberry"; there is `,
		"plan pc dsik":                `no image kind "dsik"; did you mean "disk"`,
		"build pc iso sd-card":        `no image kind "sd-card"`,
		"why pc disk rott":            `no step "rott"; did you mean "root"`,
		"run pc --firmware ueif":      `no firmware "ueif"; did you mean "uefi"`,
		"build pc --compression zst":  `no compression "zst"; did you mean "zstd"`,
		"build pc --colour":           "flag provided but not defined: -colour",
		"tool":                        "no command given",
		"keys":                        "keys needs a subcommand: forget, init, rotate, show, split",
		"keys rotte d slot":           `keys: no subcommand "rotte"; there is rotate`,
		"keys split d slot 2":         "keys split: 3 arguments; see `proa help keys`",
		"plan pc --keys d --unsigned": "--unsigned and --keys exclude each other",
		"flash":                       "no board given; want one of: ",
		"flash cp sdb":                `no board "cp"; there is `,
		"flash pc a b --yes":          "flash: unexpected argument \"b\"; want `proa flash BOARD [DEVICE]`",
		"lock pc":                     "lock: unexpected argument \"pc\"; want `proa lock`",
		"version 2":                   `version: unexpected argument "2"`,
		"plan pc disk root":           "want `proa plan BOARD [KIND]`",
		"kubeconfig root@a root@b":    `unexpected argument "root@b"`,
		"config-into --show":          "config-into: give one image file",
		"release":                     "release: --out DIR is missing; see `proa help release`",
		"release --out d --wave 5":    `--wave "5": want PERCENT@TIME`,
	} {
		_, err := say(t, strings.Fields(args)...)
		if !errors.Is(err, errUsage) && !errors.Is(err, keyverb.ErrUsage) && !errors.Is(err, releasing.ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("proa %s: %v; want a usage error with %q", args, err, want)
		}
	}
}

func TestHelpHasAnExampleForEveryVerb(t *testing.T) {
	top, err := say(t, "--help")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range verbs() {
		if !strings.Contains(top, "\n  "+v.name+" ") || !strings.Contains(top, v.short) {
			t.Errorf("help does not list %s", v.name)
		}
		for _, args := range [][]string{{"help", v.name}, {v.name, "--help"}, {v.name, "pc", "-h"}} {
			text, err := say(t, args...)
			if err != nil || !strings.Contains(text, "\n  proa "+v.name) {
				t.Errorf("proa %v has no example: %v\n%s", args, err, text)
			}
		}
	}
}

// TestKeys: keys are made, split, replaced and used by a plan. Without any, throwaway ones are made once.
func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	pass := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(pass, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"keys show " + dir, "!proa keys init " + dir},
		{"keys init " + dir, "slot: 1 of 1 must sign; keep them offline, or on a token"},
		{"keys init " + dir, "!not empty"},
		{"keys split " + dir + " root 2 3", "root: 2 of 3 must sign"},
		{"keys split " + dir + " root two 3", `!"two" of "3": want two numbers`},
		{"keys rotate " + dir + " slot", "new key of slot: "},
		{"keys show " + dir, ", retired\n"},
		{"keys forget " + dir + " slot 0000", "!no key begins with"},
		{"keys show " + dir + " --passphrase-file " + pass + "x", "!passphrase: open"},
		{"keys init " + dir + "2 --passphrase-file " + pass, "targets: 1 of 1"},
		{"keys show " + dir + "2", ", cannot sign here\n"},
		{"plan pc slot --inputs --keys " + dir, "      slot keys = 1 of "},
		{"plan pc slot --inputs --keys " + dir, "      release root = "},
		{"plan pc slot --inputs --unsigned", "      slot keys = unsigned\n"},
		{"plan pc slot --inputs", ", for development\n"},
		{"plan pc slot --keys " + dir + "3", "!is no directory of keys"},
	} {
		out, err := say(t, strings.Fields(c.args)...)
		want, fails := strings.CutPrefix(c.want, "!")
		if err != nil {
			out += err.Error()
		}
		if (err != nil) != fails || !strings.Contains(out, want) {
			t.Errorf("proa %s: %v\n%s\nwant %q", c.args, err, out, c.want)
		}
	}
}

func TestPlanMarksWhatWouldRun(t *testing.T) {
	out, err := say(t, "plan", "pc", "iso", "--inputs")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"> tools ", "> root ", "> iso ", "      package crun = ", "      overlay/rootfs.modes = "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in an empty cache's plan", want)
		}
	}
	if strings.Contains(out, "\n= ") {
		t.Error("a step is marked as done in an empty cache")
	}
}

func TestWhyOnAFreshCache(t *testing.T) {
	out, err := say(t, "why", "pc", "disk", "root")
	if want := "root would run:\n  never built here\n"; err != nil || out != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

// runnable refuses what QEMU cannot do before anything is built, and names an alternative; anything else is left to the
// board.
func TestRunnable(t *testing.T) {
	for args, want := range map[string]string{
		"pc":                                "",
		"pc --firmware bios":                "",
		"pc --iso --firmware bios":          "",
		"arm64-uefi":                        "",
		"armv7-virt":                        "",
		"arm64-virt":                        "",
		"rpi2":                              "",
		"rpi3":                              "",
		"rpi4":                              "",
		"pc --image d.img":                  "",
		"armv7-virt --firmware bios":        "board armv7-virt does not boot by bios, but by u-boot; leave --firmware out",
		"armv7-virt --firmware uefi":        "board armv7-virt does not boot by uefi, but by u-boot; leave --firmware out",
		"arm64-uefi --firmware bios":        "board arm64-uefi does not boot by bios, but by uefi; leave --firmware out",
		"rpi5":                              "QEMU has no machine that stands in for the board rpi5\nhint: write its image to a card, and boot the board from it: `proa flash rpi5`",
		"cm4":                               "hint: write its image to a card, and boot the board from it: `proa flash cm4`",
		"rpi3 --iso":                        "board rpi3 has no image kind \"iso\"",
		"rpi3 --image d.img":                "QEMU's raspi3b needs an image made fit for it",
		"pc --image d.img --config my.yaml": "`proa config-into d.img` puts in --config",
		"pc --image d.img.zst":              "`proa flash pc disk.img --image d.img.zst` unpacks it",
	} {
		v, err := findVerb("run")
		if err != nil {
			t.Fatal(err)
		}
		c := &call{}
		if c.args, err = v.parse(strings.Fields(args), &c.opts); err != nil {
			t.Fatal(err)
		}
		b, err := c.board()
		if err != nil {
			t.Fatal(err)
		}
		err = runnable(b, c.opts)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("run %s: %v; want %q", args, err, want)
		}
	}
	all, err := boards.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range all { // the machine has the default firmware
		f, err := firmware(b, diskKind(b), "")
		if tools := qemu.ToolsIn("/", b.QEMU); err != nil || b.QEMU != "" && (f == qemu.UEFI) != (tools.UEFICode != "") {
			t.Errorf("%s: firmware %q, %v", b.Name, f, err)
		}
	}
}

func TestFlagsMayFollowArguments(t *testing.T) {
	v, err := findVerb("run")
	if err != nil {
		t.Fatal(err)
	}
	var o options
	rest, err := v.parse([]string{"pc", "--memory", "512", "--iso", "x"}, &o)
	if err != nil || strings.Join(rest, " ") != "pc x" || o.memory != 512 || !o.iso {
		t.Errorf("%v %+v %v", rest, o, err)
	}
	rest, err = v.parse([]string{"--", "go", "test", "-v"}, &o)
	if err != nil || strings.Join(rest, " ") != "go test -v" {
		t.Errorf("after --: %v, %v", rest, err)
	}
}

func newKey(t *testing.T) string {
	t.Helper()
	key, err := remote.NewKey("test")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(key.Authorized)
}

func TestRunConfig(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		f := filepath.Join(dir, name)
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	ours, theirs := newKey(t), newKey(t)
	for name, c := range map[string]struct {
		o    options
		want string
	}{
		"minimal":          {options{}, "version: 1\nhostname: proa\nssh_authorized_keys:\n  - \"OURS\"\n"},
		"user's key":       {options{sshKey: file("k.pub", theirs+"\n")}, "version: 1\nhostname: proa\nssh_authorized_keys:\n  - \"OURS\"\n  - THEIRS\n"},
		"user's config":    {options{config: file("c", "ssh_authorized_keys: ["+theirs+"]\nx: 1\n")}, "ssh_authorized_keys: [THEIRS, OURS]\nx: 1\n"},
		"broken YAML":      {options{config: file("b", "a: [\n")}, "a: [\nssh_authorized_keys:\n  - \"OURS\"\n"}, // the device uses the valid parts
		"keys are no list": {options{config: file("n", "ssh_authorized_keys: 5\n")}, "ssh_authorized_keys: 5\n"},
	} {
		got, err := bootconfig.ForRun(c.o.config, c.o.sshKey, ours)
		want := strings.NewReplacer("OURS", ours, "THEIRS", theirs).Replace(c.want)
		if err != nil || string(got) != want {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", name, err, got, want)
		}
	}
	if _, err := bootconfig.ForRun("", file("k", "-----BEGIN OPENSSH PRIVATE KEY-----\n")); err == nil {
		t.Error("a private key was put into an image")
	}
}

func TestBoardKindNotOfTheBoard(t *testing.T) {
	if _, err := kind(boards.Board{Name: "x", Images: []string{"iso"}}, "disk"); err == nil || !strings.Contains(err.Error(), "it has iso") {
		t.Errorf("error %v", err)
	}
}

func TestFlashVerbsTakeTheirFlags(t *testing.T) {
	for args, want := range map[string]string{
		"flash pc a --kind iso":                                "flash: board pc has no such image to write to a disk; it has iso, disk, slot",
		"config-into /nonexistent.img --show":                  "config-into: stat /nonexistent.img: no such file or directory",
		"config-into x.img --config /nonexistent.yaml --force": "config-into: open /nonexistent.yaml: no such file or directory",
	} {
		if _, err := say(t, strings.Fields(args)...); err == nil || err.Error() != want {
			t.Errorf("proa %s: %v; want %q", args, err, want)
		}
	}
}

// flash builds its image as any verb does; if the build is interrupted the disk is not touched.
func TestFlashBuildsTheImage(t *testing.T) {
	t.Setenv(envCache, filepath.Join(t.TempDir(), "cache"))
	file := filepath.Join(t.TempDir(), "disk.img")
	if err := errors.Join(os.WriteFile(file, []byte("mine"), 0o600), os.Truncate(file, 4<<30)); err != nil { // large enough, and sparse
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := proa(ctx, []string{"flash", "pc", file, "--yes"}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	begin := make([]byte, 8)
	if _, err := io.ReadFull(f, begin); err != nil || string(begin) != "mine\x00\x00\x00\x00" {
		t.Errorf("%q, %v", begin, err)
	}
}
