package health

import (
	"encoding/json"
	"os"
)

// Load reads the file; it returns nil if that is missing or cannot be read.
func Load(file string) *Held {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var h Held
	if json.Unmarshal(text, &h) != nil {
		return nil
	}
	return &h
}

// Save writes what works now.
func Save(write func(string, []byte, os.FileMode) error, file string, h Held) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return write(file, append(text, '\n'), 0o600)
}
