package grubenv

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/layout"
)

func TestBootOrder(t *testing.T) {
	junk := bytes.Repeat([]byte{0x55}, Size)
	a, b := layout.A, layout.B
	for _, c := range []struct {
		name     string
		state    []byte
		canWrite bool
		want     []Start
	}{
		{"new image", Encode(First(a)), true, []Start{{a, ""}, {b, "a:0"}, {a, ""}, {a, ""}, {b, "a:0"}}},
		{"new image, tries used up", Encode(State{Try: a}), true, []Start{{b, "a:3"}, {a, ""}, {a, ""}, {b, "a:3"}}},
		{"good", Encode(State{Good: b}), true, []Start{{b, ""}, {a, ""}, {b, ""}}},
		{"trial", Encode(State{Good: a, Try: b, Left: 1}), true, []Start{{b, ""}, {a, "b:2"}, {a, "b:2"}, {b, ""}, {a, "b:2"}, {b, ""}}},
		{"trial that cannot be counted", Encode(State{Good: a, Try: b, Left: 3}), false, []Start{{a, "b:0"}, {a, "b:0"}, {b, ""}, {a, "b:0"}, {b, ""}}},
		{"first trial that cannot be counted", Encode(First(a)), false, []Start{{a, ""}, {b, "a:0"}, {a, ""}, {a, ""}, {b, "a:0"}}},
		{"no state", junk, true, []Start{{a, ""}, {b, ""}}},
	} {
		if diff := cmp.Diff(c.want, Boot(c.state, junk, c.canWrite).Start); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// GRUB's writes are not flushed until the device flushes, so after a power cut each file may hold any of the
// versions written since then. Whatever is found, only the good slot and the one under trial are started,
// and the good one after at most all tries.
func TestLostAndReorderedWrites(t *testing.T) {
	tried := 0
	for _, first := range states() {
		for _, s0 := range successors(first) {
			d := &disk{Encode(first), Encode(s0)}
			versions := [2][][]byte{{d[0]}, {d[1]}}
			for range MaxTries {
				before := *d
				d.boot()
				for i := range d {
					if !bytes.Equal(before[i], d[i]) {
						versions[i] = append(versions[i], d[i])
					}
				}
			}
			good := s0.Good
			for _, env0 := range versions[0] {
				for _, env1 := range versions[1] {
					tried++
					if bad := recovers(&disk{env0, env1}, good); bad != "" {
						t.Fatalf("from %v and %v: %q and %q: %s", first, s0, env0[25:70], env1[25:70], bad)
					}
				}
			}
		}
	}
	t.Logf("%d states", tried)
}

// recovers starts the machine until the good slot comes up; every start of another one fails.
func recovers(d *disk, good layout.Slot) string {
	s := d.state()
	if good == layout.Shared || s.Good != good {
		return "" // nothing to come back to, or a state from before good was
	}
	for range MaxTries + 1 {
		switch got := d.boot().Slot; got {
		case good:
			return ""
		case s.Try:
		default:
			return "starts " + string(got)
		}
	}
	return "does not come back to " + string(good)
}

func TestSlotConfigQuotes(t *testing.T) {
	got := string(SlotConfig(layout.B, `console=ttyS0,115200 hostname=it's a=$b "c;d"`))
	want := `linux /slots/b/vmlinuz console=ttyS0,115200 'hostname=it'\''s' 'a=$b' '"c;d"' $fallback` + "\ninitrd /slots/b/initrd\n"
	if got != want {
		t.Errorf("got  %s want %s", got, want)
	}
}

// grub.cfg and this package must name the same things.
func TestConfigNamesTheSame(t *testing.T) {
	text := string(Config())
	for _, want := range []string{File(0), File(1), "seq good try left check", `/slots/$1/grub.cfg`, "proa.fallback="} {
		if !strings.Contains(text, want) {
			t.Errorf("grub.cfg does not mention %s", want)
		}
	}
}

func TestScriptCheckAccepts(t *testing.T) {
	bin := oracle.Tool(t, "grub-script-check")
	name := filepath.Join(t.TempDir(), "grub.cfg")
	if err := os.WriteFile(name, append(Config(), SlotConfig(layout.A, "a=$b it's")...), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bin, name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
