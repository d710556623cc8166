// Package files writes and sums up files the way the build's steps do: whole, or with an error. It refuses to ignore what Close says of
// what was written.
package files

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// Create makes or replaces a file by write.
func Create(name string, write func(f *os.File) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close() // closed again below, with its error
	if err := write(f); err != nil {
		return err
	}
	return f.Close()
}

// SHA256 is the sum of a file's bytes in hex digits, as sha256sum prints it.
func SHA256(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() // read side: nothing to lose
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
