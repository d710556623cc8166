package e2e

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/releasemeta"
)

// bad is a release or a server that is not as it should be, or a machine that is not.
type bad struct {
	name  string
	site  func(t *testing.T, r *release)        // changes a copy of the good release; nil: nothing
	serve func(files http.Handler) http.Handler // nil: files
	begin string                                // command on the machine before
	end   string                                // and after; %NOW% is the right time
	also  string                                // sources beside, asked first
	says  string                                // what the user reads
	takes bool                                  // the slot is written nevertheless
	// changes: the machine has seen metadata of this row, so that it takes only newer ones afterwards.
	changes bool
}

// badReleases are in the order in which they are tried: what a machine has seen of a repository it remembers. Those come
// last that make it refuse the good one.
var badReleases = []bad{
	{name: "good", takes: true, says: " is written"},
	{name: "wrong signature", site: edit("timestamp.json", spoilSignature), says: "not signed by enough keys that this machine knows"},
	{name: "wrong signature of the targets", site: both(renewed, edit("targets.json", spoilSignature)), changes: true, says: "not signed by enough keys that this machine knows"},
	{name: "foreign keys", site: foreign, says: "not signed by enough keys that this machine knows"},
	{name: "replayed", site: replay, says: "the server has older release metadata than this machine has seen"},
	{name: "mixed versions", site: both(renewed, mix), changes: true, says: "the mirror is complete"},
	{name: "wrong board", site: only(releasemeta.Release{Board: "rpi4", Arch: "arm64", Layout: layout.Version, Version: "v9", Sequence: 9}), changes: true,
		says: "this is the board pc (amd64), and there are releases for rpi4"},
	{name: "wrong layout", site: only(releasemeta.Release{Board: "pc", Arch: "amd64", Layout: layout.Version + 1, Version: "v9", Sequence: 9}), changes: true, says: "layout"},
	{name: "wrong architecture", site: only(releasemeta.Release{Board: "pc", Arch: "riscv64", Layout: layout.Version, Version: "v9", Sequence: 9}), changes: true, says: "it is for riscv64, this machine is amd64"},
	{name: "truncated metadata", site: both(renewed, edit("targets.json", half)), changes: true, says: "the release metadata cannot be read"},
	{name: "truncated patch", site: edit(".patch", half), says: "check the address, and that all of the release was uploaded"},
	{name: "flipped bit in timestamp", site: edit("timestamp.json", flip), says: "release metadata"},
	{name: "flipped bit in snapshot", site: both(renewed, edit("snapshot.json", flip)), changes: true, says: "release metadata"},
	{name: "flipped bit in targets", site: both(renewed, edit("targets.json", flip)), changes: true, says: "release metadata"},
	{name: "flipped bit in manifest", site: edit("manifest.json", flip), says: "do not belong together"},
	{name: "flipped bit in the patch's index", site: edit(".patch", flipAt(20)), says: "upload the release again"},
	{name: "flipped bit in the patch's last frame", begin: wipe, site: edit(".patch", flipAt(-20)), says: "damaged payload: a frame has another sha256 than the index says"},
	{name: "flipped bits in full", site: both(without(".patch"), edit(".full", flipMany)), changes: true, says: "upload the release again"},
	{name: "stalls", serve: cutOff(30_000, stalls, nil), takes: true, says: " is written"},
	{name: "resets", serve: cutOff(30_000, resets, nil), takes: true, says: " is written"},
	{name: "lies about ranges", serve: cutOff(30_000, resets, shifted), says: "answered with bytes"},
	{name: "redirects to another host", serve: instead(".patch", toElsewhere), says: "redirected to another host"},
	{name: "answers 200 to a range", serve: withoutRanges, takes: true, says: " is written"},
	{name: "endless body", serve: instead("timestamp.json", endless), says: "longer than"},
	{name: "gzip bomb", serve: instead("timestamp.json", gzipBomb), says: "which was not asked for"},
	{name: "dead first mirror", also: "http://10.0.2.2:9/", takes: true, says: " is written"},
	{name: "full disk", begin: fill, end: "rm -f /run/fill /var/fill /var/fill2", says: "no space left on device"},
	{name: "clock behind", begin: "date -s 1970-01-02", end: "date -s @%NOW%", takes: true, says: " is written"},
	{name: "expired", site: signedAt(-60), changes: true, says: "expired"},
	{name: "threshold not met", site: belowThreshold, says: "not signed by enough keys that this machine knows"},
	{name: "clock ahead", begin: "date -s 2099-01-01", end: "date -s @%NOW%", says: "wait until the clock is synchronised"},
}

// TestBadReleases: bad releases and servers are refused with a message, or survived, and the running slot stays what it
// is. PROA_BAD selects rows.
func TestBadReleases(t *testing.T) {
	needs(t, "upgrade")
	m := start(t, options{kind: "img", firmware: qemu.UEFI, medium: qemu.Disk, cpus: 1, config: gateConfig})
	good := newGoodRelease(t, m)
	m.untilGood(m.bootBudget())
	before := m.run(slotHashes, nil)
	for _, b := range badReleases {
		if only := os.Getenv("PROA_BAD"); only != "" && !strings.Contains(only, b.name) {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			m.t = t
			b.try(t, m, good)
			if after := m.run(slotHashes, nil); after != before {
				t.Errorf("the running slot was changed:\n%s\nwas\n%s", after, before)
			}
			m.until("proa status", "mode disk, good", podBudget)
		})
	}
	m.t = t
	m.off()
}

// slotHashes prints what belongs to the running slot and can be written.
const slotHashes = "cat /proc/cmdline; find /boot -path '*slots/a/*' -type f -exec sha256sum {} + | sort"

// forget removes the manifest of the slot that does not run, so that the next row writes it again.
const forget = "mount -o remount,rw /boot; rm -f /boot/slots/b/manifest.json; sync; mount -o remount,ro /boot; ls /boot/slots/b"

// wipe removes the root of that slot too: what is right on the medium is not read from the release.
const wipe = "dd if=/dev/zero of=/dev/$(basename $(dirname $(grep -l PARTNAME=root-b /sys/class/block/*/uevent))) bs=1M count=100 conv=notrunc,fsync"

// fill fills the data partition, and what is freed in it meanwhile.
const fill = "dd if=/dev/zero of=/var/fill bs=1M 2>/dev/null; touch /run/fill; (while [ -e /run/fill ]; do dd if=/dev/zero bs=512 >> /var/fill2; sleep 0.2; done) </dev/null >/dev/null 2>&1 & sleep 5; df /var"

// try serves the release and lets the machine take it.
func (b bad) try(t *testing.T, m *machine, good *goodRelease) {
	r := good.copy(t)
	if b.site != nil {
		b.site(t, r)
	}
	var h http.Handler = http.FileServer(http.Dir(r.dir))
	if b.serve != nil {
		h = b.serve(h)
	}
	url := m.servedBy(h)
	if b.begin != "" {
		m.run(b.begin, nil)
	}
	began := time.Now()
	out := m.run("proa upgrade fetch "+strings.TrimSpace(b.also+" "+url)+" 2>&1 || echo code $?", nil)
	if b.end != "" {
		m.run(strings.ReplaceAll(b.end, "%NOW%", strconv.FormatInt(time.Now().Unix(), 10)), nil)
	}
	t.Logf("after %.0f s: %s", time.Since(began).Seconds(), out)
	if !strings.Contains(out, b.says) || strings.Contains(out, "code ") == b.takes {
		t.Errorf("no %q, or another end: %s", b.says, out)
	}
	m.run(forget, nil)
	if b.changes {
		good.goOn(t, r)
	}
}
