package kine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func filled(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	client, stop := open(t, dir)
	for i := range 200 {
		if _, err := client.Put(context.Background(), fmt.Sprintf("/registry/pods/%d", i), strings.Repeat("v", 500)); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	return dir, At(dir).file()
}

func TestCheckAcceptsAndChangesNothing(t *testing.T) {
	dir, file := filled(t)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := At(dir).Check(); err != nil {
		t.Error(err)
	}
	if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
		t.Error("the database was changed")
	}
}

func TestCheckBesideTheServer(t *testing.T) {
	dir := t.TempDir()
	_, stop := open(t, dir)
	defer stop()
	if err := At(dir).Check(); err != nil {
		t.Error(err)
	}
}

func TestCheckNamesDamage(t *testing.T) {
	dir, file := filled(t)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	if len(data) < 8*page {
		t.Fatalf("database of %d bytes: the pages were not written back", len(data))
	}
	for i := 3 * page; i < len(data); i++ {
		data[i] = 0x5a
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := At(dir).Check(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("damage found: %v", err)
	}
}

func TestCheckWithoutDatabase(t *testing.T) {
	if err := At(t.TempDir()).Check(); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
