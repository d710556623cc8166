package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
)

// video is the machine's video console: what is on its screen, and its keyboard.
type video struct{ installer }

// press types on the keyboard.
func (v video) press(text string) {
	v.t.Helper()
	if err := v.Type(context.Background(), text); err != nil {
		v.t.Fatal(err)
	}
}

// shows waits until the screen has a text, and returns the screen. Lines of a screen are wrapped at its edge, so that only
// the characters between spaces count.
func (v video) shows(text string, budget time.Duration) string {
	v.t.Helper()
	return v.untilIs("cat /dev/vcs1", text, func(screen string) error {
		if !strings.Contains(squeezed(screen), squeezed(text)) {
			return errNotShown
		}
		return nil
	}, budget)
}

var errNotShown = errors.New("it is not shown")

func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }

// TestInstallVideo: the same questions as on the serial console, typed on a keyboard, until the disk boots.
func TestInstallVideo(t *testing.T) {
	needs(t, "install")
	for name, firmware := range map[string]qemu.Firmware{"bios": qemu.BIOS, "uefi": qemu.UEFI} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{firmware: firmware, medium: qemu.CD, config: "version: 1\nhostname: quay\nssh_authorized_keys: ['%KEY%']\nk3s: {enabled: false}\n"}
			v := video{fromISO(t, o, []int64{diskSize}, nil)}
			v.powerOn()
			v.expect("Press Enter to install", bootBudget)
			mark := v.Mark()
			v.enter("")
			v.answer("Install on which disk?", "1")
			v.expect("Where does the configuration come from?", bootBudget)
			serial := v.Console()
			if _, err := v.keys.WriteString("\x03"); err != nil {
				t.Fatal(err)
			}
			v.expectAfter(mark, "no disk was changed", bootBudget)

			v.shows("Press Enter to install", bootBudget)
			v.press("\n")
			v.shows("Install on which disk?", bootBudget)
			v.press("1\n")
			screen := v.shows("Where does the configuration come from?", bootBudget)
			v.sameLines(serial, screen)
			v.press("3\n")
			v.shows("will be written to", bootBudget)
			v.press("yes\n")
			v.shows("installed proa", installBudget)
			v.shows("Press Enter to restart", bootBudget)
			v.press("\n")
			v.fromDisk(v.spec.Targets[0])
			v.says("root", "hostname", "quay\n")
			v.off()
		})
	}
}

// sameLines: every line of the dialogue on the serial console is on the screen.
func (v video) sameLines(serial, screen string) {
	v.t.Helper()
	from := strings.LastIndex(serial, "install on a disk of this machine")
	if from < 0 {
		v.t.Fatalf("no dialogue on the serial console:\n%s", serial)
	}
	lines := strings.Split(serial[from:], "\n")
	for _, line := range slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "proa: ") }) {
		if !strings.Contains(squeezed(screen), squeezed(line)) {
			v.t.Errorf("the screen has no %q:\n%s", line, screen)
		}
	}
}
