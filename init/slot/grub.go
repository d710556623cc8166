package slot

import (
	"os"
	"strings"

	"github.com/proa-os/proa/images/grubenv"
)

// grubFiles are the two files on the boot partition; each change overwrites one sector in place.
type grubFiles struct{ boot Boot }

func (g grubFiles) path(i int) string { return g.boot.path(grubenv.Dir, grubenv.File(i)) }

func (g grubFiles) get(i int) ([]byte, error) { return os.ReadFile(g.path(i)) }

// put overwrites file i: one sector, in place. If the file is missing, or damaged after that sector, it is written
// completely; it is not in force, so an interruption loses nothing.
func (g grubFiles) put(i int, text []byte) error {
	old, _ := g.get(i)
	if len(old) == grubenv.Size && strings.Trim(string(old[grubenv.Sector:]), "#\x00") == "" {
		text = text[:grubenv.Sector]
	}
	return g.boot.write(func() error { return g.overwrite(i, text) })
}

func (g grubFiles) overwrite(i int, text []byte) error {
	f, err := os.OpenFile(g.path(i), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return g.boot.inPlace(f, grubenv.File(i), text, 0)
}
