package runtime

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCodeOf(t *testing.T) {
	const smaps = `00400000-03000000 r-xp 00000000 fe:00 77                                 /usr/bin/k3s
Rss:               44000 kB
Private_Dirty:         0 kB
03000000-09000000 r--p 02c00000 fe:00 77                                 /usr/bin/k3s
Private_Dirty:         4 kB
09000000-0a000000 r--p 08c00000 fe:00 77                                 /usr/bin/k3s
Private_Dirty:         0 kB
0a000000-0b000000 rw-p 09c00000 fe:00 77                                 /usr/bin/k3s
Private_Dirty:         0 kB
c000000000-c004000000 rw-p 00000000 00:00 0
Private_Dirty:         0 kB
7f00000000-7f00001000 r--p 00000000 fe:00 9                              /usr/lib/other
Private_Dirty:         0 kB
`
	want := []span{{0x400000, 0x3000000}, {0x9000000, 0xa000000}}
	got := codeOf(strings.NewReader(smaps), "/usr/bin/k3s")
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{})); diff != "" {
		t.Error(diff)
	}
}

// TestGiveBackCode gives back the pages that this test runs from, and still runs.
func TestGiveBackCode(t *testing.T) {
	before := fileRSS(t)
	giveBackCode()
	after := fileRSS(t)
	t.Logf("mapped of files: %s before, %s after", before, after)
	TestCodeOf(t)
}

func fileRSS(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "RssFile:")
	value, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(value)
}
