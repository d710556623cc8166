// Package files writes and hashes files for the build's steps. It returns the error of Close for written files.
package files

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
)

// Create creates or truncates a file, calls write and closes it.
func Create(name string, write func(f *os.File) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close() // a second close is harmless; the error of the first is returned below
	if err := write(f); err != nil {
		return err
	}
	return f.Close()
}

// SHA256 returns the sha256 of a file in hex digits, as sha256sum prints it.
func SHA256(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() // opened for reading: a close error loses nothing
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
