package kine

import (
	"errors"
	"fmt"
	"os"
	"strings"

	_ "github.com/mattn/go-sqlite3" // registers the driver
)

// Check reads the whole database and returns the damage. It is read-only, and may run beside the server.
func (s Store) Check() error {
	file := s.file()
	if _, err := os.Stat(file); err != nil {
		return err // SQLite's error does not name the file
	}
	found, err := integrity(file)
	if err == nil && found != "ok" {
		err = errors.New(found)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func integrity(file string) (string, error) {
	db, err := readOnly(file)
	if err != nil {
		return "", err
	}
	defer db.Close()
	rows, err := db.Query("PRAGMA integrity_check")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), rows.Err()
}
