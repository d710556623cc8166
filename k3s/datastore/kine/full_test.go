package kine

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// fill allocates all free blocks of the disk below dir; the returned function frees them.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; size /= 2 {
		for err == nil {
			_, err = f.Write(bytes.Repeat([]byte{1}, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	f.Close()
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk: with the disk at 100 % the datastore opens and serves reads, and accepts writes again once there is
// space.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	dir, ctx := filepath.Join(disk, "server"), context.Background()
	client, stop := open(t, dir)
	if _, err := client.Put(ctx, "/registry/pods/a", "one"); err != nil {
		t.Fatal(err)
	}
	stop() // a clean shutdown: SQLite deletes its log, and needs space to open again

	free := fill(t, disk)
	client, stop = open(t, dir)
	got, err := client.Get(ctx, "/registry/pods/a")
	if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "one" {
		t.Fatalf("read on a full disk: %v, %v", got, err)
	}
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	for range 2000 { // until the remaining space is used up
		if _, err = client.Put(short, "/registry/pods/b", "two, and much more of it than before"); err != nil {
			break
		}
	}
	cancel()
	free()
	if _, err := client.Put(ctx, "/registry/pods/c", "three"); err != nil {
		t.Errorf("write once there is room again: %v", err)
	}
	stop()
	client, stop = open(t, dir)
	defer stop()
	for key, want := range map[string]string{"a": "one", "c": "three"} {
		if got, err := client.Get(ctx, "/registry/pods/"+key); err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != want {
			t.Errorf("%s afterwards: %v, %v", key, got, err)
		}
	}
}
