package flash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/images/tree"
)

// withRadio is a board with a Wi-Fi adapter.
var withRadio = boards.WiFi{Packages: []string{"firmware-x"}, Firmware: []string{"x"}}

func TestWiFiGoesIn(t *testing.T) {
	image := makeImage(t)
	const added = "network:\n  wifi_country: \"DE\"\n  wifi:\n    - name: \"Harbour\"\n      passphrase: \"fair winds\"\n"
	for name, c := range map[string]struct{ config, file, in, want string }{
		"asked":       {"", "", "", ownConfig + added},
		"my config":   {"hostname: edge-1 # mine\n", "", "", "hostname: edge-1 # mine\n" + added},
		"from a file": {"", write600(t, "secret", "fair winds\r\n"), "", ownConfig + added},
		"from stdin":  {"", "-", "fair winds", ownConfig + added},
	} {
		target := garbage(t)
		j, out := on(t, "laptop", image)
		j.board.WiFi, j.in = withRadio, strings.NewReader(c.in)
		j.WiFi, j.WiFiCountry, j.WiFiPassphrase = "Harbour", "DE", c.file
		j.secret = func(_ context.Context, question string) (string, error) {
			if c.file != "" {
				t.Errorf("%s: asked %s", name, question)
			}
			return "fair winds", nil
		}
		if c.config != "" {
			j.Config = write600(t, "my.yaml", c.config)
		}
		if err := j.run(t.Context(), []string{target}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f, err := os.Open(target)
		if err != nil {
			t.Fatal(err)
		}
		got, err := bootconfig.Read(f, spec.ImageSize()+extra)
		if f.Close(); err != nil || string(got.Bytes) != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got.Bytes, err, c.want)
		}
		if !strings.Contains(out.String(), `Wi-Fi "Harbour"`) || strings.Contains(out.String(), "fair winds") {
			t.Errorf("%s: said\n%s", name, out)
		}
	}
}

func TestWiFiRefusedBeforeAnythingIsWritten(t *testing.T) {
	image, target := makeImage(t), garbage(t)
	before := content(t, target)
	base, out := on(t, "laptop", image)
	base.board.WiFi, base.WiFi = withRadio, "Harbour"
	base.secret = func(context.Context, string) (string, error) { return "hunter22", nil }
	for name, c := range map[string]struct {
		change func(*job)
		want   string
	}{
		"no radio":     {func(j *job) { j.board.WiFi = boards.WiFi{} }, "board pc has no supported Wi-Fi adapter; leave out --wifi"},
		"short":        {func(j *job) { j.WiFiPassphrase = write600(t, "s", "hunter2\n") }, `--wifi "Harbour": passphrase: want 8 to 63 characters`},
		"two lines":    {func(j *job) { j.WiFiPassphrase = write600(t, "s", "hunter22\nhunter22\n") }, `--wifi "Harbour": passphrase: want 8 to 63 characters`},
		"empty":        {func(j *job) { j.WiFiPassphrase = write600(t, "s", "\n") }, `no passphrase for "Harbour"`},
		"no file":      {func(j *job) { j.WiFiPassphrase = "/nonexistent" }, "open /nonexistent: "},
		"no answer":    {func(j *job) { j.secret = func(context.Context, string) (string, error) { return "", errUntouched } }, errUntouched.Error()},
		"country":      {func(j *job) { j.WiFiCountry = "germany" }, "wifi_country: want a country as two capital letters"},
		"without name": {func(j *job) { j.WiFi, j.WiFiCountry = "", "DE" }, "go with --wifi NAME"},
		"no place":     {func(j *job) { j.Config = write600(t, "c", "network: {wifi: 7}\n"); j.Force = true }, "the network cannot be added to network.wifi"},
	} {
		j := *base
		c.change(&j)
		err := j.run(t.Context(), []string{target})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
		if strings.Contains(out.String()+fmt.Sprint(err), "hunter2") {
			t.Errorf("%s: the passphrase was printed: %s %v", name, out, err)
		}
	}
	if !bytes.Equal(before, content(t, target)) {
		t.Error("something was written")
	}
}

// TestIntoKnowsTheBoard: the board of an image is known, and a network is refused if the board has no Wi-Fi.
func TestIntoKnowsTheBoard(t *testing.T) {
	o := Options{WiFi: "Harbour", WiFiPassphrase: write600(t, "secret", "fair winds\n")}
	for board, want := range map[string]string{"pc": "board pc has no supported Wi-Fi adapter; leave out --wifi", "rpi3": ""} {
		image := makeImage(t, tree.File("slots/a/manifest.json", 0o600, tree.Bytes([]byte(`{"board":"`+board+`"}`))))
		err := Into(t.Context(), o, []string{image}, &bytes.Buffer{})
		if (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v; want %q", board, err, want)
		}
	}
}

// terminal opens a pseudo terminal and returns both ends.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return s.Lflag&unix.ECHO != 0
}

// TestAskAt: the answer is not echoed, and echo is restored afterwards, also after Ctrl-C.
func TestAskAt(t *testing.T) {
	for _, answer := range []string{"hunter22\n", ""} {
		person, program := terminal(t)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for echoes(t, program) {
				time.Sleep(time.Millisecond)
			}
			if answer == "" {
				cancel()
				return
			}
			person.WriteString(answer)
		}()
		var out bytes.Buffer
		got, err := askAt(ctx, program, &out, "Passphrase: ")
		if got+"\n" != answer && (answer != "" || !errors.Is(err, errUntouched)) {
			t.Errorf("%q, %v", got, err)
		}
		if !echoes(t, program) || out.String() != "Passphrase: \n" {
			t.Errorf("echo is off, or said %q", out.String())
		}
		if cancel(); answer == "" {
			continue
		}
		if shown := shown(t, person); strings.Contains(shown, "hunter") {
			t.Errorf("the terminal showed %q", shown)
		}
	}
	if _, err := askAt(t.Context(), os.NewFile(uintptr(openNull(t)), "null"), &bytes.Buffer{}, "?"); err == nil || !strings.Contains(err.Error(), "--wifi-passphrase-file") {
		t.Errorf("%v", err)
	}
}

// shown returns what the terminal shows within a short time.
func shown(t *testing.T, person *os.File) string {
	t.Helper()
	seen := make([]byte, 100)
	ready := []unix.PollFd{{Fd: int32(person.Fd()), Events: unix.POLLIN}}
	if n, err := unix.Poll(ready, 50); n == 0 || err != nil {
		return ""
	}
	n, err := person.Read(seen)
	if err != nil {
		t.Fatal(err)
	}
	return string(seen[:n])
}

func openNull(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}
