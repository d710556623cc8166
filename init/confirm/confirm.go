// Package confirm decides about a configuration on trial: one that is applied before it is confirmed, and is put back
// unless it is. The file of the configuration keeps the old text until then, so that whatever happens to the machine the
// old one returns. The decisions are pure functions; nothing here applies a configuration.
package confirm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/bootfile"
)

// Files beside the configuration: that of a trial, and the text of the last one that was put back.
const (
	File     = "config.trial"
	Rejected = "config.yaml.rejected"
)

// Shortest and Longest bound the time to confirm.
const (
	Shortest = time.Minute
	Longest  = 24 * time.Hour
)

// Holds is what a change must not cost.
type Holds struct {
	Route     bool `json:"route"`      // there is a default route
	SSH       bool `json:"ssh"`        // the SSH server runs, and somebody can log in
	Ready     bool `json:"ready"`      // the node is Ready
	IPv4Route bool `json:"ipv4_route"` // there is a default route of IPv4
}

// Trial is a configuration on trial, as it is in its file.
type Trial struct {
	Text   string        `json:"text"`   // of the configuration
	Within time.Duration `json:"within"` // time to confirm it
	Until  time.Time     `json:"until"`  // when that is over
	Boots  int           `json:"boots"`  // how often the machine was started with it
	Before Holds         `json:"before"` // what held when it was applied
}

// New returns the trial of a text that begins now.
func New(text []byte, within time.Duration, before Holds, now time.Time) Trial {
	return Trial{Text: string(text), Within: within, Until: now.Add(within).UTC().Truncate(time.Second), Before: before}
}

// maxFile bounds what is read of the file: JSON may write a byte of the text as six.
const maxFile = 6*config.MaxSize + 4096

// Load returns the trial whose file is in a directory, nil if there is none.
func Load(dir string) (*Trial, error) {
	f, err := os.Open(filepath.Join(dir, File))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var t Trial
	if err := json.NewDecoder(io.LimitReader(f, maxFile)).Decode(&t); err != nil || t.Within <= 0 {
		return nil, fmt.Errorf("%s is damaged: %v", File, err)
	}
	return &t, nil
}

// Save writes the file.
func Save(p bootfile.Place, t Trial) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return p.Put(File, text)
}

// Accept makes the configuration on trial the one in its file; the old one becomes the previous one.
func Accept(p bootfile.Place, t Trial, name, previous string) error {
	if err := p.Replace(name, previous, []byte(t.Text)); err != nil {
		return err
	}
	return p.Remove(File)
}

// PutBack ends a trial. The text is kept, for its author to correct.
func PutBack(p bootfile.Place, t Trial, why string) error {
	kept := p.Put(Rejected, []byte("# taken back: "+why+"\n"+t.Text))
	return errors.Join(kept, p.Remove(File))
}

// maxBoots is how often the machine is started with a configuration on trial: once, as a change may need. If that boot
// does not come as far as to confirm it, the next one uses the old configuration.
const maxBoots = 1

// AtBoot returns the trial with this boot counted, or why the configuration is put back.
func AtBoot(t Trial, now time.Time) (counted Trial, why string) {
	switch {
	case t.Boots >= maxBoots:
		return t, "the machine was started with it and restarted again before it was confirmed"
	case !now.Before(t.Until):
		return t, expired(t)
	}
	t.Boots++
	return t, ""
}

func expired(t Trial) string { return fmt.Sprintf("nobody confirmed it within %s", t.Within) }

// Left is the time left to confirm. A clock that was set back, as that of a machine without a clock chip is by a power
// cut, does not prolong it beyond the whole.
func (t Trial) Left(now time.Time) time.Duration { return min(t.Until.Sub(now), t.Within) }
