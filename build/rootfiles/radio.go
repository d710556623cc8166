package rootfiles

import (
	"fmt"
	"path/filepath"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/images/tree"
)

// regulatory maps Debian's regulatory database files, which list the channels that each country permits, to the names
// under which the kernel loads them. Debian has two signatures for the same database and chooses one by a script;
// Debian's kernel has the keys of both.
var regulatory = map[string]string{
	firmwareDir + "/regulatory.db-debian":     firmwareDir + "/regulatory.db",
	firmwareDir + "/regulatory.db.p7s-debian": firmwareDir + "/regulatory.db.p7s",
}

const firmwareDir = "usr/lib/firmware"

// forRadio lists the files other than programs that a board with a Wi-Fi adapter needs; nothing for one without.
func forRadio(dir string, b boards.Board) (files []string, err error) {
	if !b.Radio() {
		return nil, nil
	}
	files = []string{"usr/sbin/wpa_supplicant"}
	for from := range regulatory {
		files = append(files, from)
	}
	for _, glob := range b.WiFi.Firmware {
		found, err := filepath.Glob(filepath.Join(dir, firmwareDir, glob))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("board %s: no firmware %s in its packages (%v)", b.Name, glob, err)
		}
		for _, f := range found {
			rel, err := filepath.Rel(dir, f)
			if err != nil {
				return nil, err
			}
			files = append(files, rel)
		}
	}
	return files, nil
}

// Origin returns the path in its package of a file of the root image.
func Origin(p string) string {
	for from, to := range regulatory {
		if p == to {
			return from
		}
	}
	return p
}

func rename(have map[string]tree.Entry, names map[string]string) {
	for from, to := range names {
		if e, there := have[from]; there {
			delete(have, from)
			e.Path = to
			have[to] = e
		}
	}
}
