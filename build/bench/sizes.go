package bench

import (
	"context"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// baselineTime is the timestamp of all files in the baseline's disk.
var baselineTime = time.Unix(0, 0)

// File is a file whose size is measured.
type File struct {
	Name string
	Path string
	Zstd bool // also compressed, as for a download
}

// Size is the size of a file.
type Size struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	Zstd  int64  `json:"zstd_bytes,omitempty"`
}

func (b *bench) sizes(context.Context) error {
	for _, f := range b.Files {
		st, err := os.Stat(f.Path)
		if err != nil {
			return err
		}
		s := Size{Name: f.Name, Bytes: st.Size()}
		if f.Zstd {
			if s.Zstd, err = compressed(f.Path); err != nil {
				return err
			}
		}
		b.result.Sizes = append(b.result.Sizes, s)
	}
	return nil
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// compressed returns the size with zstd at about level 19: images are compressed once and downloaded often.
func compressed(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var n counter
	w, err := zstd.NewWriter(&n, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(w, f); err != nil {
		return 0, err
	}
	err = w.Close()
	return int64(n), err
}

// Host describes the machine that ran the benchmark.
type Host struct {
	CPUs int    `json:"cpus"`
	CPU  string `json:"cpu"`
	Load string `json:"load_average"` // load average at the start
}

func (b *bench) host(context.Context) error {
	h := Host{CPUs: runtime.NumCPU(), CPU: "unknown"}
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(data)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				h.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		h.Load = strings.Join(strings.Fields(string(data))[:3], " ")
	}
	b.result.Host = h
	return nil
}
