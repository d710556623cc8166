package datasource

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// Store replaces the files in the cache of a source if those that are there say something. It says whether that changed
// one.
func Store(s sys.Sys, root, source string, files map[string][]byte) (changed bool, err error) {
	for name, text := range files {
		if len(text) > config.MaxSize {
			return false, fmt.Errorf("%s: %s is larger than %d KiB; what it said before is kept", source, name, config.MaxSize>>10)
		}
		bad, damaged := judge(File{Path: name, Text: text})
		if bad != "" && len(strings.TrimSpace(string(text))) > 0 {
			return false, fmt.Errorf("%s: %s has nothing that can be understood; what it said before is kept", source, name)
		}
		if damaged && accepted(root, source) {
			return false, fmt.Errorf("%s: %s is damaged; what it said before is kept", source, name)
		}
	}
	if len(files) == 0 {
		return false, fmt.Errorf("%s: none of its files is there; what it said before is kept", source)
	}
	dir := filepath.Join(Cache, source)
	if err := s.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	for _, name := range names(source, files) {
		text := files[name] // one that is gone is emptied, which says nothing
		have, err := os.ReadFile(filepath.Join(root, dir, name))
		if string(have) == string(text) && (err == nil || text == nil) {
			continue
		}
		if err := s.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return changed, fmt.Errorf("%s: %w", source, err)
		}
		changed = true
	}
	return changed, nil
}

// names are those of all files of a source: what Table has, and for config.url, whose names are sums, what was fetched.
func names(source string, files map[string][]byte) []string {
	for _, s := range Table() {
		if s.Name == source && s.Files != nil {
			return s.Files
		}
	}
	return slices.Sorted(maps.Keys(files))
}

// URLFile is the file in the cache with the document of an address: that of another one is never used for it.
func URLFile(url string) string {
	sum := sha256.Sum256([]byte(url))
	return filepath.Join(Cache, "url", hex.EncodeToString(sum[:16])+".yaml")
}

// Matches says whether a document has a SHA-256 in hex; an empty one is that of any.
func Matches(text []byte, sum string) bool {
	have := sha256.Sum256(text)
	return sum == "" || strings.EqualFold(sum, hex.EncodeToString(have[:]))
}
