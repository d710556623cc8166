package grubenv_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/bootstate"
	"github.com/proa-os/proa/images/bootstate/statetest"
	"github.com/proa-os/proa/images/disk"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/grubenv"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/tree"
)

// bootCase is a pair of files as GRUB may find them, and whether the one that it would write can be written: GRUB does
// not overwrite a file that is not an environment block.
type bootCase struct {
	env      [2][]byte
	canWrite bool
}

func junk() []byte { return statetest.Junk(grubenv.Size) }

// bootCases are all states beside an older one, beside a damaged one, and all pairs of sequence numbers.
func bootCases() (cases []bootCase) {
	slots := []layout.Slot{layout.Shared, layout.A, layout.B}
	for _, good := range slots {
		for _, try := range slots {
			for left := range bootstate.MaxTries + 1 {
				s := bootstate.State{Seq: 1, Good: good, Try: try, Left: left}
				older := bootstate.State{Seq: 0, Good: layout.B}
				cases = append(cases,
					bootCase{env: [2][]byte{grubenv.Encode(s), grubenv.Encode(older)}, canWrite: true},
					bootCase{env: [2][]byte{junk(), grubenv.Encode(s)}})
			}
		}
	}
	for seq0 := range 3 {
		for seq1 := range 3 {
			cases = append(cases, bootCase{canWrite: true, env: [2][]byte{
				grubenv.Encode(bootstate.State{Seq: seq0, Good: layout.A, Try: layout.B, Left: 2}),
				grubenv.Encode(bootstate.State{Seq: seq1, Good: layout.B, Try: layout.A, Left: 2}),
			}})
		}
	}
	return append(cases, bootCase{env: [2][]byte{junk(), junk()}})
}

// choice returns the result of the model.
func (c bootCase) choice() bootstate.Choice {
	return grubenv.Encoding().Boot(c.env[0], c.env[1], c.canWrite)
}

// harness wraps grub.cfg in a loop over the cases. Starting a slot prints its name and fails.
func harness(t *testing.T, cases int) (test, main []byte) {
	t.Helper()
	text := string(grubenv.Config())
	_, text, ok1 := strings.Cut(text, "set pager=0\n")
	before, rest, ok2 := strings.Cut(text, "function start {\n")
	_, after, ok3 := strings.Cut(rest, "\n}\n")
	after, _, ok4 := strings.Cut(after, "echo \"proa: no slot can be loaded")
	if !ok1 || !ok2 || !ok3 || !ok4 {
		t.Fatal("grub.cfg is no longer what this test cuts up")
	}
	test = []byte(before + "function start {\n\techo \"START $1 $fallback\"\n}\n" + after)
	var b strings.Builder
	b.WriteString("serial --unit=0 --speed=115200\nterminal_output serial\n")
	for i := range cases {
		fmt.Fprintf(&b, "set prefix=/cases/%d\necho \"CASE %d\"\nsource /grub/test.cfg\n", i, i)
	}
	b.WriteString("echo \"CASE end\"\nreboot\n")
	return test, []byte(b.String())
}

// TestRealGRUBAgrees runs grub.cfg in GRUB itself, over all states, and compares what it would start and what it
// writes with the model.
func TestRealGRUBAgrees(t *testing.T) {
	dir := oracle.GRUB(t)
	cases := bootCases()
	spec := layout.Spec{FirstLBA: 2048, Align: layout.MiB, BIOSSize: layout.MiB, BootSize: 36 * layout.MiB, RootSize: layout.MiB}
	name, table := realImage(t, spec, dir, cases)
	console := runGRUB(t, name)
	img, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	boot, _ := table.Find(layout.Boot, layout.Shared)
	for i, c := range cases {
		if diff := cmp.Diff(statetest.Console(c.choice()), console[fmt.Sprint(i)]); diff != "" {
			t.Errorf("case %d, %.50q and %.50q: %s", i, c.env[0][25:], c.env[1][25:], diff)
		}
		want := c.env
		if choice := c.choice(); choice.Write >= 0 {
			want[choice.Write] = grubenv.Encode(choice.Next)
		}
		for n := range want {
			got, err := fat.ReadFile(img, boot.Start, boot.Size, fmt.Sprintf("cases/%d/%s", i, grubenv.File(n)))
			if err != nil || !bytes.Equal(got, want[n]) {
				t.Errorf("case %d: env%d is %.70q, want %.70q, %v", i, n, got, want[n], err)
			}
		}
	}
}

func realImage(t *testing.T, spec layout.Spec, dir string, cases []bootCase) (string, layout.Table) {
	t.Helper()
	table, err := spec.Fit(spec.ImageSize())
	if err != nil {
		t.Fatal(err)
	}
	args, err := disk.GRUBArgs(table)
	if err != nil {
		t.Fatal(err)
	}
	core := filepath.Join(t.TempDir(), "core.img")
	if out, err := exec.Command(oracle.Tool(t, "grub-mkimage"), append([]string{"-d", dir, "-o", core}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("grub-mkimage: %v\n%s", err, out)
	}
	test, main := harness(t, len(cases))
	files := []tree.Entry{tree.File("grub/grub.cfg", 0o644, tree.Bytes(main)), tree.File("grub/test.cfg", 0o644, tree.Bytes(test))}
	for i, c := range cases {
		for n, env := range c.env {
			files = append(files, tree.File(fmt.Sprintf("cases/%d/%s", i, grubenv.File(n)), 0o644, tree.Bytes(env)))
		}
	}
	name := filepath.Join(t.TempDir(), "disk.img")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(spec.ImageSize()); err != nil {
		t.Fatal(err)
	}
	bootImg, err1 := os.ReadFile(filepath.Join(dir, "boot.img"))
	coreImg, err2 := os.ReadFile(core)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	c := disk.Contents{Seed: "grub", When: time.Unix(1_700_000_000, 0), Boot: files, GRUB: &disk.GRUB{BootImg: bootImg, CoreImg: coreImg}}
	if err := disk.Write(f, spec.ImageSize(), table, c, nil); err != nil {
		t.Fatal(err)
	}
	return name, table
}

// runGRUB returns the START lines of each case.
func runGRUB(t *testing.T, image string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg", "-m", "256M", "-display", "none", "-serial", "stdio",
		"-net", "none", "-no-reboot", "-drive", "format=raw,if=virtio,file="+image).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("CASE end")) {
		t.Fatalf("qemu: %v\n%s", err, out)
	}
	console, current := map[string]string{}, ""
	for _, line := range strings.Split(strings.ReplaceAll(string(out), "\r", ""), "\n") {
		if _, n, ok := strings.Cut(line, "CASE "); ok {
			current = n
		} else if _, s, ok := strings.Cut(line, "START "); ok {
			console[current] += "START " + s + "\n"
		}
	}
	return console
}
