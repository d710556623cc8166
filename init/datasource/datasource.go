// Package datasource has the sources of the configuration in their documented order (docs/config-sources.md): which
// files they are, and how they get onto this machine. It decides nothing about what is in them, and changes nothing but
// its own cache. A file is read only if it is a regular one, and only as much of it as the loader takes.
package datasource

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
)

// BootDir is where the boot partition is mounted (init/boot).
const BootDir = "/boot"

// ConfigFile is the user's configuration on the boot partition or the live medium; of all sources it is the one that
// `proa config apply` writes.
const ConfigFile = BootDir + "/config.yaml"

// Cache has a directory for each source that is not always there, with the files it had when it last was good.
const Cache = "/var/lib/proa/sources"

// Source is a directory with files of the configuration.
type Source struct {
	Name  string   // in messages, and of its directory below Cache
	Dir   string   // where its files are read
	Files []string // patterns, in the order in which they are read; a later one has precedence
	When  string   // when the files get there
	Kept  keeping  // what is used instead of files that are bad
}

// Table is the order of the sources: of a later one, scalars and lists replace those of an earlier one, and maps are
// merged. The defaults are before the first one, the kernel command line is after the last one.
func Table() []Source {
	return []Source{
		{"image", "/usr/share/proa", []string{"config.yaml"}, "always", nothing}, // its bytes are verified
		{"boot", BootDir, append(Imager(), "meta-data", "user-data", "network-config", "config.yaml"), "always", evenIfGone},
		{"data", "/var/lib/proa", []string{"config.yaml", "config.d/*.yaml"}, "always", ifBad},
		{"nocloud", Cache + "/nocloud", []string{"meta-data", "vendor-data", "user-data", "network-config"}, "before the network", nothing}, // all of it is kept
		{"config-drive", Cache + "/config-drive", openStack(), "before the network", nothing},
		cloud("azure"), cloud("digitalocean"), cloud("ec2"), cloud("gce"), cloud("hetzner"), cloud("scaleway"), cloud("vultr"),
		{"openstack", Cache + "/openstack", openStack(), onNetwork, nothing},
		{"url", Cache + "/url", nil, onNetwork, nothing}, // the file of config.url, see URLFile
	}
}

// onNetwork is when init/metadata has asked a service.
const onNetwork = "once the network is there"

func cloud(name string) Source {
	return Source{name, Cache + "/" + name, []string{"meta-data", "vendor-data", "user-data"}, onNetwork, nothing}
}

func openStack() []string {
	return []string{"meta_data.json", "vendor-data", "vendor-data2", "user_data", "network_data.json"}
}

// Imager returns the files that Raspberry Pi Imager and its users put beside config.yaml.
func Imager() []string {
	return []string{"firstrun.sh", "custom.toml", "userconf", "userconf.txt", "ssh", "ssh.txt", "wpa_supplicant.conf"}
}

// File is a file of a source, as it was read.
type File struct {
	Path string // below root
	Text []byte
	Err  error  // why it could not be read; a file that does not exist is not listed
	For  string // the file that is bad, if this one is read in its place, or before it for what it has lost
	Why  string // what is wrong with that
}

// Limits of all files together, so that reading them takes seconds on the slowest machine, whatever is in them.
const (
	maxFiles = 100     // of one pattern
	maxTotal = 4 << 20 // bytes
)

// Read returns the files of all sources that are used, in order. Those after maxTotal have an error.
func Read(root string) (out []File) {
	total := 0
	for _, s := range Table() {
		for _, f := range s.held(root) {
			if total += len(f.Text); total > maxTotal {
				f.Text, f.Err = nil, fmt.Errorf("the files before it and this one have more than %d MiB", maxTotal>>20)
			}
			out = append(out, f)
		}
	}
	return out
}

// Read returns the files of the source that exist, good or bad.
func (s Source) Read(root string) (out []File) {
	for _, pattern := range s.Files {
		paths, _ := filepath.Glob(filepath.Join(root, s.Dir, pattern)) // the patterns are ours, and valid
		slices.Sort(paths)
		for _, path := range paths[:min(len(paths), maxFiles)] {
			text, err := ReadFile(path)
			if !errors.Is(err, os.ErrNotExist) {
				out = append(out, File{Path: filepath.Join("/", strings.TrimPrefix(path, root)), Text: text, Err: err})
			}
		}
	}
	return out
}

// ReadFile reads a regular file up to a byte more than the loader takes. It does not wait for the writer of a pipe.
func ReadFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return regular(f)
}

func regular(f *os.File) ([]byte, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", f.Name())
	}
	return io.ReadAll(io.LimitReader(f, config.MaxSize+1))
}
