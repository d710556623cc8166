package gpt_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/images/gpt"
	"github.com/proa-os/proa/images/gpt/gpttest"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/sparse"
)

// TestEveryPowerCut has sgdisk verify every disk that a power cut can leave during every change. If sectors are written
// whole, the disk must have the old table or the new one without a repair. A torn sector, or damage from before, may
// cost one copy, which Repair restores.
func TestEveryPowerCut(t *testing.T) {
	changes, err := gpttest.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if len(c.States) == 0 {
				t.Fatal("nothing is written")
			}
			file, accepted := filepath.Join(t.TempDir(), "disk.img"), 0
			for i, s := range c.States {
				f := disk(t, file, c, s)
				if complaints, rows := ask(t, file); complaints == "" && either(c, rows) {
					if accepted++; i%8 != 0 {
						f.Close()
						continue
					}
				} else if !s.Torn && !c.Damaged {
					t.Errorf("%s:\n%s\n%s", s.Name, complaints, strings.Join(rows, "\n"))
				}
				if _, err := gpt.Repair(f, c.Size); err != nil {
					t.Errorf("%s: %v", s.Name, err)
				} else if complaints, rows := ask(t, file); complaints != "" || !either(c, rows) {
					t.Errorf("%s: repaired:\n%s\n%s", s.Name, complaints, strings.Join(rows, "\n"))
				} else if again, err := gpt.Repair(f, c.Size); again != "" || err != nil {
					t.Errorf("%s: repaired twice: %s, %v", s.Name, again, err)
				}
				f.Close()
			}
			t.Logf("%d states, %d of them accepted without repair", len(c.States), accepted)
		})
	}
}

func disk(t *testing.T, name string, c gpttest.Change, s gpttest.State) *os.File {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{f.Truncate(c.Size), c.Before.CopyTo(f, 0), s.Apply(f)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// harmless matches what sgdisk reports for every image on a larger medium, and for entries that are not at sector 2.
var harmless = regexp.MustCompile(`(?s)\n(Problem: The secondary header's self-pointer indicates that it doesn't reside\nat the end of the disk\.` +
	`|Warning: There is a gap between the (main metadata|main partition table|secondary partition table)|Caution: Partition 5 doesn't end on a 2048).*?\n\n`)

// ahead is what it reports if there is no room for a second backup GPT after data: for a moment the backup lies before
// the partitions.
const ahead = "GPT claims the disk is larger than it is!"

// ask returns sgdisk's complaints and the partitions it sees.
func ask(t *testing.T, file string) (complaints string, rows []string) {
	t.Helper()
	out, err := exec.Command(oracle.Tool(t, "sgdisk"), "-v", "-p", file).CombinedOutput()
	text := string(out)
	for _, line := range strings.Split(text, "\n") {
		if f := strings.Fields(line); len(f) > 5 && f[0] >= "1" && f[0] <= "9" && strings.Contains(line, "iB") {
			rows = append(rows, strings.Join([]string{f[0], f[1], f[2], f[len(f)-1]}, " "))
		}
	}
	rest := harmless.ReplaceAllString(strings.ReplaceAll(text, "\n\n", "\n\n\n"), "")
	rest = strings.ReplaceAll(rest, "Problem: "+ahead, "")
	for _, word := range []string{"Problem:", "CRC", "nvalid", "differ", "orrupt", "Caution", "Warning", "damaged", "overlap"} {
		if strings.Contains(rest, word) || err != nil {
			return fmt.Sprintf("%v\n%s", err, text), rows
		}
	}
	return "", rows
}

func either(c gpttest.Change, rows []string) bool {
	return slices.Equal(rows, listed(c.Old)) || slices.Equal(rows, listed(c.New))
}

func listed(t layout.Table) (rows []string) {
	for _, p := range t {
		rows = append(rows, fmt.Sprintf("%d %d %d %s", p.Index, p.FirstLBA(), p.LastLBA(), p.Name))
	}
	return rows
}

// TestNothingIsRepairedFromNothing: Repair refuses a disk without a table and writes nothing to it.
func TestNothingIsRepairedFromNothing(t *testing.T) {
	d := sparse.New(64 * layout.MiB)
	if _, err := gpt.Repair(d, 64*layout.MiB); err == nil || !strings.Contains(err.Error(), "no header") {
		t.Errorf("%v", err)
	}
}
