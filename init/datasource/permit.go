package datasource

import (
	"os"
	"path/filepath"
	"reflect"

	"github.com/proa-os/proa/config"
)

// Permitted says which kinds of media may configure the machine: those that its configuration names, those that have
// configured it before, and all as long as nothing has. Otherwise whoever can plug in a USB stick could take over a
// machine by keys and commands of his own.
func Permitted(root string) func(source string) bool {
	var files []config.Source
	for _, s := range Table() {
		if filepath.Dir(s.Dir) == Cache {
			continue
		}
		for _, f := range s.held(root) {
			if f.Err == nil {
				files = append(files, config.Document(f.Path, f.Text))
			}
		}
	}
	l := config.Load(files...)
	named := map[string]bool{}
	for _, source := range l.Config.DataSources {
		named[source] = true
	}
	nothing := reflect.DeepEqual(l.Config, config.Default())
	return func(source string) bool { return nothing || named[source] || accepted(root, source) }
}

// accepted says whether the cache has something of a source.
func accepted(root, source string) bool {
	entries, err := os.ReadDir(filepath.Join(root, Cache, source))
	return err == nil && len(entries) > 0
}
