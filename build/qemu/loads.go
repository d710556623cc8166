package qemu

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/images/fat"
	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/images/uboot"
)

// slotScript starts slot a, which is the only one of a new image.
var slotScript = layout.A.Dir() + "/" + uboot.ScriptFile

// bootPartition reads files from the image's own boot partition.
type bootPartition struct {
	f *os.File
	p layout.Partition
}

func openBoot(image string) (*bootPartition, error) {
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	p, err := inFile(f)
	if err != nil {
		f.Close() // nothing was written
		return nil, err
	}
	return &bootPartition{f, p}, nil
}

func inFile(f *os.File) (layout.Partition, error) {
	st, err := f.Stat()
	if err != nil {
		return layout.Partition{}, err
	}
	return bootconfig.Find(f, st.Size())
}

func (b *bootPartition) file(name string) ([]byte, error) {
	text, err := fat.ReadFile(b.f, b.p.Start, b.p.Size, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}

// loads does what the board's firmware does before the kernel and QEMU does not: it extracts files, and returns QEMU
// arguments that name them.
func (s Spec) loads() (args []string, err error) {
	if s.Tools.Loads == nil {
		return nil, nil
	}
	boot, err := openBoot(s.Image)
	if err != nil {
		return nil, fmt.Errorf("boot partition of %s: %w", s.Image, err)
	}
	defer boot.f.Close() // opened for reading: a close error loses nothing
	for _, l := range s.Tools.Loads {
		text, err := boot.file(l.File)
		if err != nil {
			return nil, err
		}
		to := filepath.Join(s.Dir, filepath.Base(l.File))
		if err := os.WriteFile(to, text, 0o600); err != nil {
			return nil, err
		}
		if l.Arg == "-dtb" {
			if err := s.Tools.edit(to); err != nil {
				return nil, err
			}
		}
		args = append(args, l.Arg, to)
	}
	if !s.Tools.Direct {
		return args, nil
	}
	script, err := boot.file(slotScript)
	if err != nil {
		return nil, err
	}
	line, err := bootargs(string(script))
	line = strings.Replace(line, s.Tools.Drop, "", 1)
	return append(args, "-append", strings.TrimSpace(line+" "+s.Tools.Words)), err
}

// Adapt changes the copy of an image that the machine will run, so that its boot loader adds the machine's kernel
// parameters.
func (t Tools) Adapt(image string) error {
	if t.Words == "" || t.Direct {
		return nil
	}
	boot, err := openBoot(image)
	if err != nil {
		return err
	}
	defer boot.f.Close()
	script, err := boot.file(slotScript)
	if err != nil {
		return err
	}
	_, text, _ := strings.Cut(string(script), "# Loads and starts slot") // the image header comes before that
	text = "#" + strings.ReplaceAll(text, "setenv bootargs '", "setenv bootargs '"+t.Words+" ")
	now := time.Now()
	return fat.Inject(boot.f, boot.p.Start, boot.p.Size, slotScript, uboot.Image("proa slot a", []byte(text), now), now)
}

var setBootargs = regexp.MustCompile(`setenv bootargs '([^']*)'`)

// bootargs returns the kernel command line that a slot's script sets.
func bootargs(script string) (string, error) {
	m := setBootargs.FindStringSubmatch(script)
	if m == nil {
		return "", fmt.Errorf("the slot's script sets no bootargs")
	}
	return m[1], nil
}

func (t Tools) edit(dtb string) error {
	for _, e := range t.Edit {
		words := strings.Fields(e)
		args := append([]string{}, words...)
		if strings.HasPrefix(e, "-") {
			args = append([]string{words[0], dtb}, words[1:]...)
		} else {
			args = append([]string{dtb}, words...)
		}
		if out, err := exec.Command(t.FDTPut, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("fdtput %s: %w: %s", e, err, out)
		}
	}
	return nil
}
