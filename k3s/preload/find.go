package preload

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// archives are the file name suffixes of image archives, as in K3s; the format is detected from the content.
var archives = []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.bz2", ".tbz", ".tar.lz4"}

// list is the suffix of a file with one image name per line, to be pulled and pinned.
const list = ".txt"

// file is a file in one of the directories.
type file struct {
	path  string
	stamp string // changes with the file
	list  bool
	err   error // error if it is neither an archive nor a list
}

func (f file) key() string { return "image-archive:" + f.path }

// find lists both directories. Names that begin with a dot are skipped: copying programs use such names for temporary
// files.
func (p *Preload) find() (files []file) {
	for _, dir := range []string{p.Packaged, p.User} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			files = append(files, file{path: dir, err: errors.Unwrap(err)})
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				files = append(files, judge(filepath.Join(dir, e.Name()), dir == p.Packaged))
			}
		}
	}
	return files
}

func judge(path string, packaged bool) file {
	f := file{path: path, list: strings.HasSuffix(path, list)}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.err = errors.Unwrap(err)
	case !info.Mode().IsRegular():
		f.err = errors.New("not a regular file")
	case !f.list && !slices.ContainsFunc(archives, func(end string) bool { return strings.HasSuffix(path, end) }):
		f.err = fmt.Errorf("not an archive by its name, want one of %s, or %s for a list", strings.Join(archives, " "), list)
	case packaged:
		// All files of the root image have the same time, and those of two versions may have the same size.
		f.stamp, f.err = indexSum(path)
	default:
		f.stamp = fmt.Sprintf("%d bytes of %d", info.Size(), info.ModTime().UnixNano())
	}
	return f
}

// indexSum returns the hash of an OCI archive's index, which refers to everything else by hash.
func indexSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	tr := tar.NewReader(f)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return "", errors.New("no index.json")
		}
		if err != nil {
			return "", err
		}
		if filepath.Clean(h.Name) == ocispec.ImageIndexFile {
			sum := sha256.New()
			_, err := io.Copy(sum, tr)
			return fmt.Sprintf("index %x", sum.Sum(nil)), err
		}
	}
}
