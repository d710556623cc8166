package flash

import (
	"errors"
	"fmt"
	"strings"

	"github.com/proa-os/proa/build/progress"
	"github.com/proa-os/proa/images/disks"
)

// list prints the disks that may be written to, why others may not, and the command to type.
func (j *job) list() error {
	sys, err := disks.Read(j.root)
	if err != nil {
		return err
	}
	first := ""
	var not []string
	for _, d := range sys.Disks {
		if d.Not != "" || d.Bus == "loop" {
			continue
		}
		if err := d.Refuse(0, j.Force); err != nil {
			why, _, _ := strings.Cut(err.Error(), "\n") // without the hint, which is for the disk that was named
			not = append(not, why)
			continue
		}
		if first == "" {
			first = d.Name
			fmt.Fprintln(j.out, "disks that can be written to:")
		}
		fmt.Fprintf(j.out, "  %s\n    %s\n", describe(disks.Target{Disk: d}), contents(d))
	}
	if len(not) > 0 {
		fmt.Fprintf(j.out, "not:\n  %s\n", strings.Join(not, "\n  "))
	}
	if first == "" {
		return errors.New("no removable disk is free; plug in a USB stick, a disk or a card and type the same again")
	}
	fmt.Fprintf(j.out, "\nto erase %s and write proa to it:  proa flash %s %s\n", first, j.board.Name, first)
	return nil
}

func contents(d disks.Disk) string {
	if len(d.Parts) == 0 {
		return "no partitions"
	}
	var out []string
	for _, p := range d.Parts {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", p.Name, progress.Bytes(p.Size), p.What)))
	}
	return strings.Join(out, ", ")
}
