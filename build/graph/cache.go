package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/proa-os/proa/images/atomicfile"
)

// Cache stores outputs below Dir, as steps/KEY/out and steps/KEY/record.json. An entry is made in tmp/ and renamed, so
// it is complete or absent. Two processes may share a cache; the first one to finish a key wins.
type Cache struct{ Dir string }

// Record describes an output.
type Record struct {
	Name   string            `json:"name"`
	Key    string            `json:"key"`
	Dir    string            `json:"dir"`
	Inputs []Input           `json:"inputs"`
	Deps   map[string]string `json:"deps"` // name to key
	When   time.Time         `json:"when"`
	Took   time.Duration     `json:"took"`
	Why    []string          `json:"why"`
}

func recordOf(a *Action) Record {
	r := Record{Name: a.Name, Key: a.key, Inputs: a.Step.Inputs, Deps: map[string]string{}}
	for _, d := range a.Deps {
		r.Deps[d.Name] = d.key
	}
	return r
}

// Out returns the path of an action's output.
func (c *Cache) Out(a *Action) string { return filepath.Join(c.entry(a.key), "out") }

func (c *Cache) entry(key string) string { return filepath.Join(c.Dir, "steps", key) }

// scratch is the pattern of the directories that Job.Tmp makes.
const scratch = "scratch-*"

// Has says whether the output is in the cache and usable.
func (c *Cache) Has(a *Action) bool {
	r, err := readRecord(filepath.Join(c.entry(a.key), "record.json"))
	if err != nil {
		return false
	}
	return !a.Step.Local || r.Dir == c.Out(a)
}

// touch updates the entry's time, so that it is not pruned. Errors are ignored.
func (c *Cache) touch(a *Action) {
	now := time.Now()
	_ = os.Chtimes(c.entry(a.key), now, now)
}

// begin makes an empty directory for a new entry.
func (c *Cache) begin(a *Action) (string, error) {
	tmp := filepath.Join(c.Dir, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(tmp, a.Name+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Mkdir(filepath.Join(dir, "out"), 0o755)
}

// commit renames the directory made by begin into the cache.
func (c *Cache) commit(a *Action, tmp string, r Record) error {
	if err := writeJSON(filepath.Join(tmp, "record.json"), r); err != nil {
		return err
	}
	left, err := filepath.Glob(filepath.Join(tmp, scratch))
	for _, dir := range left {
		err = errors.Join(err, Remove(dir))
	}
	if err != nil {
		return err
	}
	dst := c.entry(a.key)
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	if a.Step.Local && !c.Has(a) {
		if err := Remove(dst); err != nil { // moved here from another place, so unusable here
			return err
		}
	}
	err = os.Rename(tmp, dst)
	if err != nil && c.Has(a) {
		return Remove(tmp) // another process was faster
	}
	return err
}

// last returns the path of the newest record of a step in a scope, for Explain.
func (c *Cache) last(scope, name string) string {
	return filepath.Join(c.Dir, "last", scope, name+".json")
}

// Last returns the record of a step as this scope last ran it or found it in the cache; nil if it never needed the
// step.
func (c *Cache) Last(scope, name string) *Record {
	r, err := readRecord(c.last(scope, name))
	if err != nil {
		return nil
	}
	return &r
}

// remember saves the record of a run for the next Explain.
func (c *Cache) remember(scope string, r Record) error {
	file := c.last(scope, r.Name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return writeJSON(file, r)
}

// adopt saves the records of steps that other scopes ran and this one uses. Without it a board that shares steps would
// explain its next build with "never built here".
func (c *Cache) adopt(scope string, g *Graph) error {
	var all error
	for _, a := range g.Actions {
		if last := c.Last(scope, a.Name); last != nil && last.Key == a.key {
			continue
		}
		if r, err := readRecord(filepath.Join(c.entry(a.key), "record.json")); err == nil {
			all = errors.Join(all, c.remember(scope, r))
		}
	}
	return all
}

// Prune removes entries of which there are three newer ones with the same name and which have not been used for an
// hour, and the leftovers of interrupted builds.
func (c *Cache) Prune(now time.Time) error {
	entries, err := os.ReadDir(filepath.Join(c.Dir, "steps"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	byName := map[string][]fs.FileInfo{}
	for _, e := range entries {
		r, err := readRecord(filepath.Join(c.entry(e.Name()), "record.json"))
		info, err2 := e.Info()
		if err != nil || err2 != nil {
			continue
		}
		byName[r.Name] = append(byName[r.Name], info)
	}
	for _, list := range byName {
		sort.Slice(list, func(i, j int) bool { return list[i].ModTime().After(list[j].ModTime()) })
		for i, info := range list {
			if i >= 3 && now.Sub(info.ModTime()) > time.Hour {
				err = errors.Join(err, Remove(c.entry(info.Name())))
			}
		}
	}
	return errors.Join(err, c.pruneTmp(now))
}

func (c *Cache) pruneTmp(now time.Time) error {
	left, err := os.ReadDir(filepath.Join(c.Dir, "tmp"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range left {
		if info, err2 := e.Info(); err2 == nil && now.Sub(info.ModTime()) > 24*time.Hour {
			err = errors.Join(err, Remove(filepath.Join(c.Dir, "tmp", e.Name())))
		}
	}
	return err
}

// Remove deletes a tree, including directories without write permission, which packages may contain.
func Remove(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(p, 0o755)
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(dir))
}

func readRecord(file string) (r Record, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func writeJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return atomicfile.Write(file, append(b, '\n'), 0o644)
}
