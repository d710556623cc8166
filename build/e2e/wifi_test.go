package e2e

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha1"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/build/graph"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/fat"
)

// The networks in the order of the configuration. Name and passphrase of the first one have characters that are special
// in a shell, in YAML or for wpa_supplicant.
const (
	wifiName       = `Quay "3" #1`
	wifiPassphrase = `a"b # }c\d`
	wifiOpen       = "Harbour guests"
	wifiHidden     = "Harbour master"
	hiddenKey      = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

// TestWiFi runs the card of a Raspberry Pi 3 on QEMU's arm64 machine with radios that the kernel simulates
// (mac80211_hwsim); an access point uses one of them.
func TestWiFi(t *testing.T) {
	needs(t, "wifi")
	m := onVirt(t, gateConfig+fmt.Sprintf("network:\n  wifi_country: DE\n  wifi:\n"+
		"  - {name: '%s', passphrase: '%s'}\n  - {name: %s}\n  - {name: %s, passphrase: '%s', hidden: true}\n", wifiName, wifiPassphrase, wifiOpen, wifiHidden, hiddenKey))
	m.powerOn()
	m.until("proa status", "mode disk", bootBudget)
	if out := m.run("proa status; ps", nil); strings.Contains(out, "service    wifi") || strings.Contains(out, "wpa_supplicant") {
		t.Errorf("something runs for a radio that is not there:\n%s", out)
	}
	m.run("modprobe brcmfmac && modprobe libarc4 && test -c /dev/rfkill", nil)
	for _, name := range []string{"net/mac80211/mac80211", "drivers/net/wireless/virtual/mac80211_hwsim"} {
		m.run("cat > /var/m.ko && busybox insmod /var/m.ko && rm /var/m.ko", bytes.NewReader(kernelModule(t, name)))
	}
	m.until("proa status", `wifi-wlan0 waiting: "Quay \"3\" #1": not in range, "Harbour guests": not in range, "Harbour master": not in range; retrying`, bootBudget)
	m.run("cat > /var/accesspoint && chmod 755 /var/accesspoint", accessPoint(t))

	serve := func(name, security string) {
		m.run("cat > /var/ap.conf", strings.NewReader("p2p_disabled=1\nnetwork={\n\tmode=2\n\tfrequency=2437\n\tssid="+fmt.Sprintf("%x", name)+"\n\tproto=RSN\n\tpairwise=CCMP\n"+security+"}\n"))
	}
	serve(wifiName, "\tkey_mgmt=WPA-PSK\n\tpsk=\"another one\"\n")
	m.run("(setsid /var/accesspoint /var/ap.conf > /var/ap.log 2>&1 < /dev/null &)", nil)
	m.expect(`proa: status wifi-wlan0 waiting: "Quay \"3\" #1": wrong passphrase,`, bootBudget)
	m.until("proa status", `wrong passphrase`, bootBudget)

	key, err := pbkdf2.Key(sha1.New, wifiPassphrase, []byte(wifiName), 4096, 32)
	if err != nil {
		t.Fatal(err)
	}
	wpa2 := fmt.Sprintf("\tkey_mgmt=WPA-PSK\n\tpsk=%x\n", key)
	wpa3 := fmt.Sprintf("\tkey_mgmt=SAE\n\tieee80211w=2\n\tsae_password=%x\n", wifiPassphrase)
	hidden := "\tkey_mgmt=WPA-PSK\n\tignore_broadcast_ssid=1\n\tpsk=" + hiddenKey + "\n"
	for _, ap := range []struct{ name, security string }{{wifiName, wpa2}, {wifiName, wpa3}, {wifiOpen, "\tkey_mgmt=NONE\n"}, {wifiHidden, hidden}} {
		mark := m.Mark()
		serve(ap.name, ap.security)
		m.run("kill $(cat /run/accesspoint.pid)", nil)
		m.expectAfter(mark, fmt.Sprintf("proa: status wifi-wlan0 ready: joined %q", ap.name), bootBudget)
	}
	m.until("proa status", "wlan0=10.88.0.15/24", bootBudget)
	routes := m.until("ip route", "via 10.88.0.1 dev wlan0", bootBudget)
	if first, _, _ := strings.Cut(routes, "\n"); !strings.Contains(first, "dev eth0") {
		t.Errorf("the cable does not go before the radio:\n%s", routes)
	}
	m.run("ping -c 3 -I wlan0 10.88.0.1", nil)
	alone(m)
	if out := m.run("ls -ld /run/proa/wifi /run/proa/wifi/wpa_supplicant.conf; dmesg", nil); !strings.Contains(out, "drwx------") || !strings.Contains(out, "-rw-------") ||
		strings.Contains(out, "regulatory.db") || !strings.Contains(out, "Loaded X.509 cert") {
		t.Errorf("keys that others may read, or channels that the kernel does not know:\n%s", out)
	}
	if out := m.Console() + m.run("cat /var/log/proa/wifi-wlan0.log /run/proa/status.json", nil); strings.Contains(out, `a"b`) || strings.Contains(out, `a\"b`) || strings.Contains(out, hiddenKey[:16]) {
		t.Error("a passphrase was printed")
	}
	m.off()
}

// alone unplugs the cable for a while, so that the health check has to pass with Wi-Fi only.
func alone(m *machine) {
	m.t.Helper()
	m.run("(setsid sh -c 'ip link set eth0 down; sleep 20; (ip route; cat /run/proa/status.json) > /var/alone; ip link set eth0 up' > /dev/null 2>&1 < /dev/null &)", nil)
	time.Sleep(25 * time.Second)
	out := m.until("cat /var/alone", "default_route", bootBudget)
	if !strings.Contains(out, `"default_route": true`) || strings.Contains(out, "dev eth0") || !strings.Contains(out, "default via 10.88.0.1 dev wlan0") {
		m.t.Errorf("without the cable:\n%s", out)
	}
}

// onVirt is QEMU's virt machine with the card of a Raspberry Pi 3: the same kernel, but an initramfs with the driver of
// the machine's disk.
func onVirt(t *testing.T, config string) *machine {
	t.Helper()
	m := prepare(t, options{board: "rpi3", kind: "img.zst", medium: qemu.Disk, cpus: 1, memory: 1024, config: config})
	virt := tools(t, "arm64-u-boot")
	virt.UBoot, virt.Direct, virt.Drop, virt.Words = "", true, "console=ttyS1,115200", "console=ttyAMA0,115200"
	virt.Loads = []qemu.Load{{Arg: "-kernel", File: "slots/a/vmlinuz"}, {Arg: "-initrd", File: "slots/a/initrd"}}
	m.spec.Tools = virt
	r, err := realSlot(t, options{board: "arm64-virt"}).Initrd.Open()
	if err != nil {
		t.Fatal(err)
	}
	initrd, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(m.spec.Image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	boot, err := bootconfig.Find(f, m.diskSize())
	if err != nil {
		t.Fatal(err)
	}
	if err := fat.Inject(f, boot.Start, boot.Size, "slots/a/initrd", initrd, time.Unix(1<<30, 0)); err != nil {
		t.Fatal(err)
	}
	return m
}

// kernelModule returns a module of the kernel that no image contains.
func kernelModule(t *testing.T, name string) []byte {
	t.Helper()
	dir := cacheDir(t)
	p, cache := planOf(t, dir, "rpi3", "slot"), graph.Cache{Dir: dir}
	kernel := p.Graph.Find("kernel")
	r := graph.Runner{Cache: &cache, Scope: "test", Observer: quiet{}}
	if err := r.Run(t.Context(), p.Graph, kernel); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("xz", "-dc", filepath.Join(cache.Out(kernel), "modules/kernel", name+".ko.xz")).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return text
}

func accessPoint(t *testing.T) io.Reader {
	t.Helper()
	f, err := os.Open(compile(t, "arm64", "accesspoint"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
