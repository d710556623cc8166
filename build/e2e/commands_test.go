package e2e

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/build/qemu"
)

// machineKeys has the keys of the machine itself; what each comes to is looked at on the device.
const machineKeys = rootKey + `environment: {GREETING: a b}
timezone: Europe/Berlin
swap: {zram: 25, file: 16}
mounts:
  - {device: tmpfs, type: tmpfs, path: /mnt/memory, options: [defaults, size=1m]}
  - {device: LABEL=nowhere, path: /srv/disk, options: [nofail]}
write_files:
  - {path: /var/lib/list, content: "one\n", append: true}
  - {path: /etc/deferred, content: hello, owner: nobody, defer: true}
boot_cmd: ['echo boot >> /var/lib/list', exit 7]
first_run_cmd: ['echo first >> /var/lib/list']
run_cmd: ['sleep 1000 & echo "$GREETING" >> /var/lib/list']
final_message: version $VERSION is up
`

// TestMachineKeys: commands run when and as often as documented, and the others of the machine's keys take effect.
func TestMachineKeys(t *testing.T) {
	needs(t, "full")
	m := start(t, options{kind: "img", firmware: qemu.BIOS, medium: qemu.Disk, restrict: true, config: machineKeys})
	m.until("proa status", " run_cmd succeeded", bootBudget)
	m.says("", "cat /var/lib/list", "one\nboot\nfirst\na b\n")
	m.says("", "sh -lc 'echo $GREETING'; date -d @0 +%z; cat /etc/deferred; stat -c ' %U' /etc/deferred", "a b\n+0100\nhello nobody\n")
	m.says("", "awk 'NR > 1 {print $1}' /proc/swaps | sort; stat -c %a /run/proa/data/swap; ps | grep -c '[s]leep 1000'; grep -c ' /mnt/memory tmpfs rw,nosuid,nodev,relatime,size=1024k' /proc/mounts",
		"/dev/zram0\n/run/proa/data/swap\n600\n1\n1\n")
	text := unfolded(m.run("proa status", nil))
	for _, want := range []string{"boot_cmd failed: command 2 of 2: exit code 7", "/srv/disk: not mounted: no device with this LABEL yet", "/mnt/memory: mounted"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "FAILED") || strings.Contains(m.run("proa logs boot-cmd", nil), "exit 7") {
		t.Errorf("a failed step, or a command in a log:\n%s", text)
	}
	m.off()
	m.powerOn()
	m.expect(" is up", bootBudget) // the final message
	m.until("proa status", " run_cmd succeeded", bootBudget)
	m.says("", "cat /var/lib/list", "one\nboot\nfirst\na b\nboot\na b\n")
	m.off()
}
