package tryboot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/proa-os/proa/images/bootstate/statetest"
)

func TestAutoboot(t *testing.T) {
	text, err := Choice{2, 3}.Text()
	if want := "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
	if got, err := Parse(text); got != (Choice{2, 3}) || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []Choice{{0, 3}, {2, 0}, {2, 9}, {10, 2}, {-1, 2}} {
		if text, err := bad.Text(); err == nil {
			t.Errorf("%v: %q", bad, text)
		}
	}
}

// TestTornAutoboot: whatever range of the new text is on the medium, the firmware boots one of the two slots by
// default.
func TestTornAutoboot(t *testing.T) {
	for _, c := range [][2]Choice{{{2, 3}, {3, 2}}, {{3, 2}, {2, 3}}, {{2, 2}, {2, 3}}, {{3, 3}, {3, 2}}} {
		old, err1 := c[0].Text()
		now, err2 := c[1].Text()
		if err1 != nil || err2 != nil || len(old) != len(now) || len(now) > MaxAutoboot {
			t.Fatalf("%d and %d bytes, %v, %v", len(old), len(now), err1, err2)
		}
		mixes := statetest.Torn(old, now)
		for _, mix := range mixes {
			got, err := Parse(mix)
			if err != nil || got.Default != c[0].Default && got.Default != c[1].Default || got.Try != 2 && got.Try != 3 {
				t.Errorf("%q: %v, %v", mix, got, err)
			}
		}
		t.Logf("%v over %v: %d texts", c[1], c[0], len(mixes))
	}
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{"", "\x00\x00", "[all]\n", "[tryboot]\nboot_partition=3\n", "boot_partition=x\n", "[none]\nboot_partition=2\n",
		"boot_partition=2\n" + strings.Repeat("#", MaxAutoboot)} {
		if c, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%.40q: %v", bad, c)
		}
	}
	if c, err := Parse([]byte("boot_partition=2\r\n[none]\nboot_partition=7\n")); c != (Choice{2, 2}) || err != nil {
		t.Errorf("%v, %v", c, err)
	}
}

func TestConfig(t *testing.T) {
	full := Config{DeviceTree: "bcm2712-d-rpi-5-b.dtb", Watchdog: 180, Lines: []string{"enable_uart=1", "[pi5]", "dtparam=nvme"}}
	text, err := full.Text()
	want := `arm_64bit=1
kernel=vmlinuz
initramfs initrd followkernel
cmdline=cmdline.txt
device_tree=bcm2712-d-rpi-5-b.dtb
[tryboot]
kernel_watchdog_timeout=180
[all]
enable_uart=1
[pi5]
dtparam=nvme
`
	if diff := cmp.Diff(want, string(text)); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, c := range []Config{full, {}, {Watchdog: 60}, {Lines: []string{"enable_uart=1"}}, {DeviceTree: "x.dtb"}} {
		text, err := c.Text()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseConfig(text); err != nil || !cmp.Equal(got, c) {
			t.Errorf("%v read as %v, %v", c, got, err)
		}
	}
	for _, bad := range []Config{{Lines: []string{"a=1\nb=2"}}, {DeviceTree: strings.Repeat("d", 99)}} {
		if text, err := bad.Text(); err == nil {
			t.Errorf("%q", text)
		}
	}
	for _, bad := range []string{"", "kernel=other\n", "arm_64bit=1\nkernel=vmlinuz\n", string(text[:len(text)-1])} {
		if c, err := ParseConfig([]byte(bad)); err == nil {
			t.Errorf("%q read as %v", bad, c)
		}
	}
}

func TestCmdline(t *testing.T) {
	text, err := Cmdline("console=tty0 proa.slot=a")
	if err != nil || string(text) != "console=tty0 proa.slot=a\n" || ParseCmdline(text) != "console=tty0 proa.slot=a" {
		t.Errorf("%q, %v", text, err)
	}
	for _, bad := range []string{"", "a\nb", "a\rb", strings.Repeat("x", maxCmdline+1)} {
		if _, err := Cmdline(bad); err == nil {
			t.Errorf("%.20q accepted", bad)
		}
	}
}
