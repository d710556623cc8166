// Package files writes files the way the build's steps do: whole, or with an error. It refuses to ignore what Close says.
package files

import "os"

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
