package diskwish

import (
	"strings"
	"testing"
)

var machine = []Disk{
	{"nvme0n1", "Samsung SSD 980 500GB", "S64A", "nvme", 500107862016},
	{"nvme1n1", "Samsung SSD 980 1TB", "S64B", "nvme", 1000204886016},
	{"sda", "CT500MX500SSD1", "2042E", "sata", 500107862016},
	{"sdb", "CT500MX500SSD1", "2042F", "sata", 500107862016},
	{"vda", "", "", "virtio", 8 << 30},
}

func TestPick(t *testing.T) {
	for text, want := range map[string]string{
		"/dev/sdb": "sdb", "sda": "sda", "smallest": "vda", "largest": "nvme1n1", "first": "nvme0n1", "smallest nvme": "nvme0n1",
		"first sata": "sda", "serial=2042f": "sdb", `model="samsung ssd*" largest`: "nvme1n1", "model=*1TB": "nvme1n1", "size>=600G": "nvme1n1",
		"bus=virtio": "vda", "size<10Gi": "vda", "size=500G first": "nvme0n1", "first size<=500200M sata": "sda", "size>1000000000000": "nvme1n1",
		"sata": "2 disks fit: /dev/sda (serial 2042E), /dev/sdb (serial 2042F)", "usb": "no disk fits", "/dev/sdz": "no disk fits", "model=Samsung": "no disk fits",
	} {
		w, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		d, err := w.Pick(machine)
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && d.Name != want {
			t.Errorf("%s: %s, %v; want %s", text, d.Name, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, text := range []string{"", "  ", "Smallest", "smallest largest", "/dev/sda smallest", "size>=big", "size>=0", "size>=9000000T", "size", "serial=", `model="a`, "model=[", "a/b", "serial>3", "/dev/sda;reboot"} {
		if w, err := Parse(text); err == nil {
			t.Errorf("%q: %+v", text, w)
		}
	}
}
