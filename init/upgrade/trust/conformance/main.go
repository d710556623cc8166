// Command conformance lets the TUF project's own test suite judge the device's client: it has the command line that
// tuf-conformance expects (CLIENT-CLI.md there), and is in no image. docs/keys.md says how the suite is run, and
// testdata/conformance.xfails what is expected to fail, and why.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/init/upgrade/trust"
)

type options struct {
	metadataDir, metadataURL, targetDir, targetURL string
	names                                          []string
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var o options
	f := flag.NewFlagSet("conformance", flag.ContinueOnError)
	f.StringVar(&o.metadataDir, "metadata-dir", "", "")
	f.StringVar(&o.metadataURL, "metadata-url", "", "")
	f.StringVar(&o.targetDir, "target-dir", "", "")
	f.StringVar(&o.targetURL, "target-base-url", "", "")
	f.Func("target-name", "", func(name string) error { o.names = append(o.names, name); return nil })
	if err := f.Parse(args); err != nil {
		return err
	}
	switch f.Arg(0) {
	case "init":
		b, err := os.ReadFile(f.Arg(1))
		return errors.Join(err, os.WriteFile(filepath.Join(o.metadataDir, "root.json"), b, 0o600))
	case "refresh", "download":
		return o.update()
	}
	return fmt.Errorf("no command %q", f.Arg(0))
}

func (o options) update() error {
	now, err := date()
	if err != nil {
		return err
	}
	c := &trust.Client{Dir: o.metadataDir, Metadata: o.metadataURL, Targets: o.targetURL, Fetch: get, Clock: trust.Clock{Now: now, Known: true}}
	view, err := c.Refresh(context.Background())
	for _, name := range o.names {
		if err == nil {
			err = o.download(view, name)
		}
	}
	return err
}

// download fetches a target unless it is there already.
func (o options) download(view *trust.View, name string) error {
	t, err := view.Target(name)
	if err != nil {
		return err
	}
	file := filepath.Join(o.targetDir, url.PathEscape(name))
	if b, err := os.ReadFile(file); err == nil && fmt.Sprintf("%x", sha256.Sum256(b)) == t.SHA256 {
		return nil
	}
	b, err := view.Read(context.Background(), t)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// date asks a program: the suite fakes the time by a library that no Go program calls.
func date() (time.Time, error) {
	out, err := exec.Command("date", "+%s").Output()
	if err != nil {
		return time.Time{}, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(n, 0), err
}

func get(ctx context.Context, address string, limit int64) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close() // read as far as it is used
	b, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if int64(len(b)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return b, res.StatusCode, err
}
