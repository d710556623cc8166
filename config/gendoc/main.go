// Command gendoc writes REFERENCE.md, schema.json and example.yaml, generated from the schema's structs and comments.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/proa-os/proa/config/schema"
)

func main() {
	dir := "config"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := write(dir); err != nil {
		fmt.Fprintln(os.Stderr, "gendoc:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	files, err := schema.Generate(dir)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
