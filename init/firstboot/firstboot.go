// Package firstboot remembers on the data partition what is to happen only once in the life of a machine: commands of
// first_run_cmd, phone_home and power. A file that cannot be read is an error and never taken for an empty one, because
// commands that must not run twice would run again. After a power cut the file has the old or the new content: what had
// succeeded just before it may happen again.
package firstboot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// File has the record, readable by root only.
const File = "/var/lib/proa/first-boot.json"

// record is the content of the file.
type record struct {
	Commands  []string `json:"commands"` // Sum of each command that has succeeded
	PhoneHome bool     `json:"phone_home"`
	Power     bool     `json:"power"`
}

// Book is the record of one machine.
type Book struct {
	write func(path string, data []byte, perm os.FileMode) error
	mu    sync.Mutex
	r     record
}

// Open reads the record below root; write replaces the file by an atomic write.
func Open(root string, write func(string, []byte, os.FileMode) error) (*Book, error) {
	b := &Book{write: write}
	text, err := os.ReadFile(filepath.Join(root, File))
	if errors.Is(err, os.ErrNotExist) {
		return b, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &b.r)
	}
	if err != nil {
		return nil, fmt.Errorf("what has run at the first boot is not known: %w; if it may run again, delete %s and restart", err, File)
	}
	return b, nil
}

// Sum identifies command i of a list by its text and by how many equal ones are before it.
func Sum(commands []string, i int) string {
	equal := 0
	for _, c := range commands[:i] {
		if c == commands[i] {
			equal++
		}
	}
	s := sha256.Sum256(fmt.Appendf(nil, "%d %s", equal, commands[i]))
	return hex.EncodeToString(s[:])
}

// Ran says whether command i has succeeded at some boot.
func (b *Book) Ran(commands []string, i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.r.Commands, Sum(commands, i))
}

// SetRan records that.
func (b *Book) SetRan(commands []string, i int) error {
	return b.change(func(r *record) { r.Commands = append(r.Commands, Sum(commands, i)) })
}

// PhonedHome and Powered say whether these have been dealt with.
func (b *Book) PhonedHome() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.r.PhoneHome }

// Powered says whether power has been dealt with.
func (b *Book) Powered() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.r.Power }

// SetPhonedHome records that it will not be tried again.
func (b *Book) SetPhonedHome() error { return b.change(func(r *record) { r.PhoneHome = true }) }

// SetPowered records that power will not be acted on again. It is called before the machine restarts, so that it cannot
// do so at every boot.
func (b *Book) SetPowered() error { return b.change(func(r *record) { r.Power = true }) }

func (b *Book) change(how func(*record)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := record{slices.Clone(b.r.Commands), b.r.PhoneHome, b.r.Power}
	how(&next)
	text, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := b.write(File, append(text, '\n'), 0o600); err != nil {
		return err
	}
	b.r = next
	return nil
}
