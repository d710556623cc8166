package uboot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/images/gpt/gpttest"
	"github.com/proa-os/proa/images/layout"
)

// mostDisks is the number of disks that fit on the board's bus beside the boot disk.
const mostDisks = 24

// TestPartitionTables: after each run of writes of every change, and wherever the primary header is torn, U-Boot sees
// the old partitions or the new ones: it falls back to the backup GPT by itself.
func TestPartitionTables(t *testing.T) {
	changes, err := gpttest.All()
	must(t, err)
	var files []string
	var of []gpttest.Change
	var names []string
	for _, c := range changes {
		if c.Damaged {
			continue
		}
		for _, s := range c.States {
			if !strings.HasSuffix(s.Name, ", all") && !(s.Torn && strings.Contains(s.Name, "sector 1 torn")) {
				continue
			}
			file := filepath.Join(t.TempDir(), "disk.img")
			f, err := os.Create(file)
			must(t, err)
			must(t, f.Truncate(c.Size))
			must(t, c.Before.CopyTo(f, 0))
			must(t, s.Apply(f))
			must(t, f.Close())
			files, of, names = append(files, file), append(of, c), append(names, c.Name+": "+s.Name)
		}
	}
	if len(files) == 0 {
		t.Error("no disks were tried")
	}
	t.Logf("%d disks", len(files))
	for first := 0; first < len(files); first += mostDisks {
		some := files[first:min(first+mostDisks, len(files))]
		for i, seen := range listed(t, some) {
			if c := of[first+i]; !slices.Equal(seen, want(c.Old)) && !slices.Equal(seen, want(c.New)) {
				t.Errorf("%s: U-Boot sees %q", names[first+i], seen)
			}
		}
	}
}

// listed returns the partitions that U-Boot lists for each disk.
func listed(t *testing.T, files []string) (seen [][]string) {
	t.Helper()
	script := ""
	for i := range files { // the disk with the script comes after them
		script += fmt.Sprintf("echo DISK %d\npart list virtio %[1]x\n", i)
	}
	m := newMachine(t, arm64(), nil, map[string]string{"boot.scr": script + "echo DISK end\npoweroff\n"})
	for _, file := range files {
		m.args = append(m.args[:len(m.args):len(m.args)], "-drive", "format=raw,if=virtio,readonly=on,file="+file)
	}
	out := m.run(t, 5*time.Minute)
	for _, part := range strings.Split(out, "DISK ")[1:] {
		var rows []string
		for _, row := range regexp.MustCompile(`(?m)^ +(\d+)\t0x([0-9a-f]+)\t0x([0-9a-f]+)\t"(.*)"`).FindAllStringSubmatch(part, -1) {
			first, err := strconv.ParseInt(row[2], 16, 64)
			must(t, err)
			last, err := strconv.ParseInt(row[3], 16, 64)
			must(t, err)
			rows = append(rows, fmt.Sprintf("%s %d %d %s", row[1], first, last, row[4]))
		}
		seen = append(seen, rows)
	}
	if len(seen) != len(files)+1 {
		t.Fatalf("%d disks listed of %d:\n%s", len(seen)-1, len(files), tail(out))
	}
	return seen[:len(files)]
}

func want(t layout.Table) (rows []string) {
	for _, p := range t {
		rows = append(rows, fmt.Sprintf("%d %d %d %s", p.Index, p.FirstLBA(), p.LastLBA(), p.Name))
	}
	return rows
}
