package pages

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/testslot"
	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/slotfile"
	"github.com/proa-os/proa/images/slotsig"
)

const upgradePage = "../../docs/upgrade.md"

func read(t *testing.T) Page {
	t.Helper()
	p, err := Read(upgradePage)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLines: each line is for the reader's computer or for the machine, and there are both.
func TestLines(t *testing.T) {
	count := map[bool]int{}
	for _, l := range read(t).Lines {
		host := strings.HasPrefix(l.Text, "go run ./build ") || strings.HasPrefix(l.Text, "python3 -m http.server ")
		machine := strings.HasPrefix(l.Text, "ssh root@"+Machine+" ") || strings.HasPrefix(l.Text, "go run ./build push root@"+Machine+" ")
		if l.OnMachine != machine || !l.OnMachine && !host {
			t.Errorf("line %d: %q is for neither", l.Number, l.Text)
		}
		count[l.OnMachine]++
	}
	if count[true] < 8 || count[false] < 8 {
		t.Errorf("%d lines for a machine, %d for a computer: the page is not read", count[true], count[false])
	}
}

// desk is a clean folder on the reader's computer. go run ./build is the command proa, which was compiled once; images
// take an hour, so instead of building a slot a small one is written, signed by the keys that the line names.
type desk struct {
	t        *testing.T
	dir, bin string
	versions int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), bin: t.TempDir()}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(d.bin, "proa"), "github.com/proa-os/proa/build").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	script := "#!/bin/sh\ntest \"$1 $2\" = 'run ./build' || exit 9\nshift 2\nexec " + d.bin + "/proa \"$@\"\n"
	if err := os.WriteFile(filepath.Join(d.bin, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) command(line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "PATH="+d.bin+":"+os.Getenv("PATH"), "XDG_CONFIG_HOME="+d.dir+"/.config", "PROA_KEYS=", "SSH_AUTH_SOCK=")
	return cmd
}

// run runs a line as it stands in the page.
func (d *desk) run(l Line) string {
	d.t.Helper()
	if strings.HasPrefix(l.Text, "go run ./build build ") {
		d.build(l)
		return ""
	}
	out, err := d.command(l.Text).CombinedOutput()
	if err != nil {
		d.t.Fatalf("line %d: %s: %v\n%s", l.Number, l.Text, err, out)
	}
	return string(out)
}

// build writes a slot of another version each time, signed by the keys of the line.
func (d *desk) build(l Line) {
	d.t.Helper()
	words := strings.Fields(strings.TrimPrefix(l.Text, "go run ./build build "))
	dir := words[len(words)-1]
	if len(words) < 3 || words[0] != "pc" || words[len(words)-2] != "--keys" {
		d.t.Fatalf("line %d: %s: want pc [KIND] --keys DIR", l.Number, l.Text)
	}
	ring, err := keys.Load(filepath.Join(d.dir, dir), keys.Access{})
	if err != nil {
		d.t.Fatalf("line %d: %v", l.Number, err)
	}
	if len(words) > 3 && words[1] == "slot" {
		d.versions++
		testslot.Make(d.t, "pc", fmt.Sprintf("v1.%d.0", d.versions)).Write(d.t, filepath.Join(d.dir, "out/pc/proa-pc.slot"), ring)
	}
}

// serve runs the line that does not end, asks for the metadata, and ends it.
func (d *desk) serve(l Line) {
	d.t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0") // the page's may be taken
	if err != nil {
		d.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	cmd := d.command("exec " + l.Text[:strings.LastIndex(l.Text, " ")+1] + port)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &said, &said, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() }()
	want, err := os.ReadFile(filepath.Join(d.dir, "site/metadata/timestamp.json"))
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), 5*time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		resp, err := http.Get("http://127.0.0.1:" + port + "/metadata/timestamp.json")
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
			d.t.Errorf("line %d: %s: %v", l.Number, resp.Status, err)
		}
		return
	}
	d.t.Errorf("line %d: nothing answers at port %s", l.Number, port)
}

// TestUpgradePageOnTheHost runs the lines for the reader's computer in their order, and looks at what they leave.
func TestUpgradePageOnTheHost(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3 on this computer: the line that serves a directory cannot run")
	}
	d := newDesk(t)
	shown := ""
	for _, l := range read(t).Lines {
		switch {
		case l.OnMachine:
		case strings.HasPrefix(l.Text, "python3 "):
			d.serve(l)
		default:
			if out := d.run(l); strings.Contains(l.Text, " keys show ") {
				shown = out
			}
		}
	}
	for _, file := range []string{"stick.tar", "keys/1.root.json"} {
		if _, err := os.Stat(filepath.Join(d.dir, file)); err != nil {
			t.Error(err)
		}
	}
	if list, err := filepath.Glob(filepath.Join(d.dir, "site/metadata/*.snapshot.json")); err != nil || len(list) < 2 {
		t.Errorf("the second snapshot: %q, %v", list, err)
	}
	patches, err := filepath.Glob(filepath.Join(d.dir, "site/targets/pc/v1.2.0/*.from-*.patch"))
	if err != nil || len(patches) != 1 {
		t.Errorf("patches from the first version to the second: %q, %v", patches, err)
	}
	if !strings.Contains(shown, "offline") {
		t.Errorf("keys show does not say how to keep keys:\n%s", shown)
	}
	d.bothKeys()
}

// bothKeys: the last slot is taken by machines that know the key from before the rotation only.
func (d *desk) bothKeys() {
	d.t.Helper()
	f, err := os.Open(filepath.Join(d.dir, "out/pc/proa-pc.slot"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	r, err := slotfile.NewReader(f)
	if err != nil {
		d.t.Fatal(err)
	}
	ring, err := keys.Load(filepath.Join(d.dir, "keys"), keys.Access{})
	if err != nil {
		d.t.Fatal(err)
	}
	known, err := ring.SlotKeys()
	if err != nil || len(known.Keys) != 2 {
		d.t.Fatalf("%+v, %v: want the old key and the new one", known, err)
	}
	for _, one := range known.Keys {
		machine, err := slotsig.NewKeys(1, false, one)
		if err == nil {
			err = machine.Verify(r.Raw, r.Sig)
		}
		if err != nil {
			d.t.Errorf("a machine that knows one of the keys refuses the slot: %v", err)
		}
	}
}

// TestUpgradePageYAML: the configuration of the page has no problems; the resource is one that the schema has.
func TestUpgradePageYAML(t *testing.T) {
	blocks := read(t).YAML
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of YAML, want the configuration and the Upgrade", len(blocks))
	}
	for _, p := range config.Load(config.Document("upgrade.md", []byte("version: 1\n"+blocks[0]))).Problems {
		t.Error(p)
	}
	if !strings.Contains(blocks[1], "kind: Upgrade") {
		t.Errorf("%s", blocks[1])
	}
}
