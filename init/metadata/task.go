package metadata

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/datasource"
	"github.com/proa-os/proa/init/fetch"
	"github.com/proa-os/proa/init/inforce"
)

// task is one thing to fetch.
type task struct {
	name string // in messages; it has no secret
	key  string // what it is known by
	file string // in the cache: once it is there, the boot does not wait
	once func(ctx context.Context) (changed bool, err error)
}

// asker is how the configuration says to ask.
type asker struct {
	*Keeper
	client fetch.Client
	config *config.Config
}

// tasks returns what the configuration on this machine asks for now.
func (k *Keeper) tasks() (out []task) {
	held, err := inforce.ReadDocument(k.Root, k.Line)
	if err != nil {
		k.Logf("sources: %v", err) // what can be read is used
	}
	a := asker{k, fetch.Client{Run: k.Run, Environment: held.Config.Environment, Program: k.program}, held.Config}
	facts := look(k.Root, k.Line)
	all := k.clouds()
	if c, ok := seed(facts); ok {
		all = append(slices.Clip(all), c)
	}
	for _, c := range all {
		if a.permitted(c, facts) {
			out = append(out, a.service(c))
		}
	}
	if held.Config.Remote.URL != "" {
		out = append(out, a.remote(held.Config.Remote))
	}
	return out
}

// permitted says whether a service is asked: if the user names it, or if the hardware does and nothing else configures
// the machine.
func (a asker) permitted(c cloud, f facts) bool {
	if slices.Contains(a.config.DataSources, c.name) || f.ds == c.name {
		return true
	}
	return c.is(f) && datasource.Permitted(a.Root)(c.name)
}

// service asks the metadata service of a cloud.
func (a asker) service(c cloud) task {
	return task{c.name, c.name, filepath.Join(datasource.Cache, c.name, c.files[0].file), func(ctx context.Context) (bool, error) {
		files, err := visit(ctx, a.client, c, a.config.CACerts)
		if err != nil {
			return false, err
		}
		return datasource.Store(a.Sys, a.Root, c.name, files)
	}}
}

// remote fetches the document of config.url.
func (a asker) remote(from config.Remote) task {
	file := datasource.URLFile(from.URL)
	return task{"config.url", from.URL + " " + from.SHA256, file, func(ctx context.Context) (bool, error) {
		got, err := a.client.Do(ctx, fetch.Request{URL: from.URL, Limit: config.MaxSize, Timeout: 2 * within, CAs: a.config.CACerts})
		switch {
		case err != nil:
			return false, err
		case !datasource.Matches(got.Body, from.SHA256):
			return false, fmt.Errorf("%s: the document has another sum than config.sha256", fetch.Host(from.URL))
		case len(got.Body) == 0:
			return false, fmt.Errorf("%s: the document is empty", fetch.Host(from.URL))
		}
		return datasource.Store(a.Sys, a.Root, "url", map[string][]byte{filepath.Base(file): got.Body})
	}}
}

// fresh says whether nothing of the task was ever fetched.
func (k *Keeper) fresh(t task) bool {
	_, err := os.Stat(filepath.Join(k.Root, t.file))
	return errors.Is(err, os.ErrNotExist)
}
