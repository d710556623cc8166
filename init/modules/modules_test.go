package modules

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree writes a module directory with the given indexes.
func tree(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t *testing.T, fail string, files map[string]string) (*Index, *[]string) {
	t.Helper()
	var loaded []string
	x, err := Open(tree(t, files), func(file, params string) error {
		if Name(file) == fail {
			return errors.New("refused")
		}
		loaded = append(loaded, strings.TrimSpace(Name(file)+" "+params))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return x, &loaded
}

var indexes = map[string]string{
	"modules.dep": "kernel/fs/erofs.ko: kernel/lib/libcrc32c.ko kernel/fs/netfs.ko\nkernel/lib/libcrc32c.ko:\nkernel/fs/netfs.ko:\n" +
		"kernel/crypto/crc32c_generic.ko:\nkernel/drivers/net/virtio_net.ko: kernel/net/failover.ko\nkernel/net/failover.ko:\nkernel/drivers/acpi/button.ko:\n",
	"modules.softdep": "softdep libcrc32c pre: crc32c absent-accelerator\n",
	"modules.alias":   "alias crc32c crc32c_generic\nalias fs-erofs erofs\nalias virtio:d00000001v* virtio_net\nalias acpi*:PNP0C0C:* button\n",
	"modules.builtin": "kernel/fs/ext4.ko\n",
}

func TestLoadOrder(t *testing.T) {
	x, loaded := open(t, "", indexes)
	if err := x.Load("erofs", "debug=1"); err != nil {
		t.Fatal(err)
	}
	want := []string{"netfs", "crc32c_generic", "libcrc32c", "erofs debug=1"}
	if d := cmp.Diff(want, *loaded); d != "" {
		t.Error(d)
	}
	if err := x.Load("fs-erofs", ""); err != nil || len(*loaded) != len(want) {
		t.Errorf("a second load by alias: %v, %v", err, *loaded)
	}
}

func TestLoadByDevice(t *testing.T) {
	x, loaded := open(t, "", indexes)
	for _, alias := range []string{"virtio:d00000001v00001AF4", "acpi:PNP0C0C:", "pci:v00001234d*"} {
		if _, err := x.LoadAlias(alias); err != nil {
			t.Error(err)
		}
	}
	if d := cmp.Diff([]string{"failover", "virtio_net", "button"}, *loaded); d != "" {
		t.Error(d)
	}
}

func TestLoadFails(t *testing.T) {
	x, _ := open(t, "failover", indexes)
	if err := x.Load("virtio-net", ""); err == nil || !strings.Contains(err.Error(), "virtio_net needs refused") {
		t.Errorf("a dependency's failure: %v", err)
	}
	if err := x.Load("nonsense", ""); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown name: %v", err)
	}
	if err := x.Load("ext4", ""); err != nil {
		t.Errorf("built in: %v", err)
	}
}

func TestCircle(t *testing.T) {
	x, loaded := open(t, "", map[string]string{"modules.dep": "a.ko: \nb.ko: a.ko\n", "modules.softdep": "softdep a pre: b\n"})
	if err := x.Load("a", ""); err != nil {
		t.Error(err)
	}
	if len(*loaded) != 2 {
		t.Errorf("loaded %v", *loaded)
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"pci:v00008086d*sv*", "pci:v00008086d00001234sv00", true},
		{"pci:v00008086d*sv*", "pci:v00001234d00001234sv00", false},
		{"of:N*T*Cbrcm,bcm2835-*", "of:Nmmc/x T<NULL>Cbrcm,bcm2835-sdhost", true},
		{"usb:v05ACp*d*dc[0-9A]*", "usb:v05ACp0001d0001dcA1", true},
		{"usb:v05ACp*d*dc[0-9A]*", "usb:v05ACp0001d0001dcB1", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"abc", "abcd", false},
	} {
		if got := glob(c.pattern, c.s); got != c.want {
			t.Errorf("glob(%q, %q) = %t", c.pattern, c.s, got)
		}
	}
}

func TestColdplugFollowsBuses(t *testing.T) {
	x, loaded := open(t, "", indexes)
	sysfs := t.TempDir()
	dev := filepath.Join(sysfs, "devices/pci0/virtio0")
	if err := os.MkdirAll(dev, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dev, "modalias"), []byte("virtio:d00000001v00001AF4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := x.Coldplug(sysfs, Needed)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"virtio_net"}, got); d != "" {
		t.Error(d)
	}
	if len(*loaded) != 2 {
		t.Errorf("loaded %v", *loaded)
	}
}

func TestParseEvent(t *testing.T) {
	ev := ParseEvent([]byte("add@/devices/x\x00ACTION=add\x00MODALIAS=usb:v1\x00"))
	if d := cmp.Diff(Event{"ACTION": "add", "MODALIAS": "usb:v1"}, ev); d != "" {
		t.Error(d)
	}
	if ParseEvent([]byte("libudev\x00feed")) != nil {
		t.Error("a message of udev was taken for the kernel's")
	}
}
