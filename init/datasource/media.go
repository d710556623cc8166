package datasource

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/init/blockdev"
	"github.com/proa-os/proa/init/sys"
)

// medium is a file system with a source, which is known by its label.
type medium struct {
	source string
	labels []string
	files  []onMedium
}

// onMedium is a file of a source, and where it is on the medium; the first of these that exists is taken.
type onMedium struct {
	name string
	at   []string
	made func(text []byte) ([]byte, error) // makes it of what is on the medium; nil: it is that
}

// media are the media of cloud-init's data sources NoCloud and ConfigDrive. Names in capitals are those of an ISO file
// system without long names.
func media() []medium {
	return []medium{
		{"nocloud", []string{"cidata", "CIDATA"}, []onMedium{
			{"meta-data", []string{"meta-data", "META_DAT", "META-DAT"}, nil},
			{"vendor-data", []string{"vendor-data", "VENDOR_D", "VENDOR-D"}, nil},
			{"user-data", []string{"user-data", "USER_DAT", "USER-DAT"}, nil},
			{"network-config", []string{"network-config", "NETWORK_", "NETWORK-"}, nil}}},
		{"config-drive", []string{"config-2", "CONFIG-2"}, []onMedium{
			{"meta_data.json", []string{"openstack/latest/meta_data.json"}, nil},
			{"vendor-data", []string{"openstack/latest/vendor_data.json"}, Vendor},
			{"vendor-data2", []string{"openstack/latest/vendor_data2.json"}, Vendor},
			{"user_data", []string{"openstack/latest/user_data"}, nil},
			{"network_data.json", []string{"openstack/latest/network_data.json"}, nil}}},
	}
}

// mountPoint is where a medium is mounted while it is read.
const mountPoint = "/run/proa/source"

// patience bounds the time for all media: one that is broken must not keep the machine from coming up.
const patience = 20 * time.Second

// Finder looks for media with sources.
type Finder struct {
	Sys  sys.Sys
	Root string
	Logf func(string, ...any)
	// Disk and Medium are what this machine was started from, such as vda and /dev/sr0. They are no sources.
	Disk, Medium string
}

// Refresh reads the media that are there into the cache, and returns the sources that have changed. The cache of a
// medium that is absent, cannot be read, or says nothing is not changed.
func (f Finder) Refresh(ctx context.Context) (changed []string, err error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	type result struct {
		changed []string
		err     error
	}
	done := make(chan result, 1)
	go func() { // a device that does not answer blocks this goroutine, and nothing else
		var r result
		r.changed, r.err = f.refresh(ctx)
		done <- r
	}()
	select {
	case r := <-done:
		return r.changed, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("media with configuration: no answer after %s", patience)
	}
}

func (f Finder) refresh(ctx context.Context) (changed []string, err error) {
	devices, _ := filepath.Glob(filepath.Join(f.Root, "/sys/class/block/*"))
	slices.Sort(devices)
	seen := map[string]string{}
	permitted := sync.OnceValue(func() func(string) bool { return Permitted(f.Root) }) // most machines have no medium
	for _, d := range devices {
		name := filepath.Base(d)
		if f.own(name) || unlikely(name) || ctx.Err() != nil {
			continue
		}
		fstype, label := blockdev.Label(filepath.Join(f.Root, "/dev", name))
		i := slices.IndexFunc(media(), func(m medium) bool { return slices.Contains(m.labels, label) })
		if i < 0 {
			continue
		}
		m := media()[i]
		if !permitted()(m.source) {
			err = errors.Join(err, fmt.Errorf("%s on /dev/%s is not read, because this machine has a configuration; data_sources: [%[1]s] in config.yaml permits it", m.source, name))
			continue
		}
		if first := seen[m.source]; first != "" {
			f.Logf("%s: /dev/%s is labelled like /dev/%s, which is read; this one is not", m.source, name, first)
			continue
		}
		seen[m.source] = name
		files, readErr := f.read(m, "/dev/"+name, fstype)
		if readErr != nil {
			err = errors.Join(err, fmt.Errorf("%s on /dev/%s: %w", m.source, name, readErr))
			continue
		}
		new, keepErr := Store(f.Sys, f.Root, m.source, files)
		err = errors.Join(err, keepErr)
		if new {
			changed = append(changed, m.source)
			f.Logf("%s: read from /dev/%s", m.source, name)
		}
	}
	return changed, err
}

// own says whether a device is what the machine was started from, or a partition of it.
func (f Finder) own(name string) bool {
	return "/dev/"+name == f.Medium || f.Disk != "" && (name == f.Disk || blockdev.Disk(f.Root, name) == f.Disk)
}

// unlikely are devices that hold no medium, and a floppy drive, which takes seconds to say that it is empty.
func unlikely(name string) bool {
	return slices.ContainsFunc([]string{"fd", "ram", "loop", "dm-", "zram", "md", "nbd", "mtdblock"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// read returns the files of a medium by their names in the cache.
func (f Finder) read(m medium, device, fstype string) (files map[string][]byte, err error) {
	if err := f.Sys.MkdirAll(mountPoint, 0o700); err != nil {
		return nil, err
	}
	if err := f.Sys.Mount(device, mountPoint, fstype, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Sys.Unmount(mountPoint, unix.MNT_DETACH)) }()
	dir, err := os.OpenRoot(filepath.Join(f.Root, mountPoint)) // a link on the medium leads nowhere else
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	files = map[string][]byte{}
	for _, file := range m.files {
		text, err := first(dir, file.at)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if err == nil && file.made != nil {
			if text, err = file.made(text); err != nil {
				f.Logf("%s: %s is left out: %v", m.source, file.at[0], err)
			}
		}
		if err == nil && len(text) > 0 {
			files[file.name] = text
		}
	}
	return files, nil
}

// first returns the first of the files that exists.
func first(dir *os.Root, paths []string) (text []byte, err error) {
	for _, path := range paths {
		var f *os.File
		if f, err = dir.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
			continue
		}
		text, err = regular(f)
		f.Close()
		return text, err
	}
	return nil, err
}
