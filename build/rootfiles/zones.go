package rootfiles

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/config/rule"
)

const zoneDir = "usr/share/zoneinfo"

// timeZones lists the files of the time zones. Debian has them also with leap seconds in right/, which nothing here uses,
// and a link to the zone of the machine. All names that a configuration may have must be there.
func timeZones(dir string) (files []string, err error) {
	top := filepath.Join(dir, zoneDir)
	err = filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		switch name := strings.TrimPrefix(p, top+"/"); {
		case err != nil:
			return err
		case d.IsDir() && (name == "right" || name == "posix"):
			return fs.SkipDir
		case d.IsDir() || name == "localtime" || !isZone(p):
			return nil
		default:
			files = append(files, zoneDir+"/"+name)
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	for _, name := range rule.Zones() {
		if !slices.Contains(files, zoneDir+"/"+name) {
			return nil, fmt.Errorf("the packages have no time zone %s, which config/rule/zones.txt names", name)
		}
	}
	return files, nil
}

// isZone says whether a file, or what a link leads to, is in the format of tzfile(5).
func isZone(p string) bool {
	f, err := os.Open(p)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = f.Read(magic)
	return err == nil && string(magic) == "TZif"
}
