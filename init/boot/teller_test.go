package boot

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTeller: both stages load the module that notifies the firmware if the kernel has it, and report that there is no
// such firmware.
func TestTeller(t *testing.T) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	dir := "lib/modules/" + unix.ByteSliceToString(u.Release[:]) + "/"
	const file = "extra/proa_tryboot.ko"
	for _, c := range []struct {
		has    string
		loaded bool
		fails  error
	}{
		{"kernel/loop.ko:\n", false, nil},
		{"kernel/loop.ko:\n" + file + ":\n", true, nil},
		{"kernel/loop.ko:\n" + file + ":\n", true, unix.ENODEV},
	} {
		for name, load := range map[string]func(*Machine) error{
			"stage 1": func(m *Machine) error { return loadEarlyModules(t.Context(), m) },
			"stage 2": func(m *Machine) error { return loadModules(t.Context(), m) },
		} {
			m, f := machine(t, map[string]string{dir + "modules.dep": c.has, "sys/devices/none/modalias": ""})
			f.Fail = map[string]error{file: c.fails}
			if err := openModules(m); err != nil {
				t.Fatal(err)
			}
			if err := load(m); !errors.Is(err, c.fails) {
				t.Errorf("%s with %q: %v, want %v", name, c.has, err, c.fails)
			}
			if got := strings.Contains(f.String(), "module /"+dir+file); got != c.loaded {
				t.Errorf("%s with %q: loaded is %t:\n%s", name, c.has, got, f)
			}
		}
	}
}
