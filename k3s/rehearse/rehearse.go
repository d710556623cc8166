// Package rehearse opens a copy of a cluster's database with this version of the runtime, and says what of it this
// version can no longer read or serve. It is run by the new version before a node restarts with it.
//
// It refuses to touch the database itself: it works on a copy, to which it also writes, and which it deletes. It does not
// judge custom resources, whose versions are the business of their CustomResourceDefinition: they are known by it (custom).
package rehearse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/proa-os/proa/config/rehearsal"
	"github.com/proa-os/proa/k3s/datastore"
	"github.com/proa-os/proa/k3s/rehearse/custom"
)

// prefix begins the names of the directories that copies are in.
const prefix = "rehearsal-"

// Clean removes from dir what a process left that was killed.
func Clean(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// Run copies the database of the server below serverDir to a directory of its own in dir, opens the copy as the server
// would, and reads all objects. allowed are group versions that the configuration enables (runtime-config).
func Run(ctx context.Context, serverDir, dir string, allowed map[string]bool) (rehearsal.Report, error) {
	return In(ctx, dir, allowed, datastore.At(serverDir).Copy)
}

// Of does the same with a copy that was made before, and uses it up: this version may change it.
func Of(ctx context.Context, file string, allowed map[string]bool) (rehearsal.Report, error) {
	return In(ctx, filepath.Dir(file), allowed, func(_ context.Context, to string) error {
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		return os.Rename(file, to)
	})
}

// In does the same with what put copies to a file, in a directory of its own in dir, which it removes.
func In(ctx context.Context, dir string, allowed map[string]bool, put func(ctx context.Context, to string) error) (r rehearsal.Report, err error) {
	own, err := os.MkdirTemp(dir, prefix)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
	file := datastore.At(own).File()
	if err := put(ctx, file); err != nil {
		return r, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return r, err
	}
	if err := datastore.At(own).Check(); err != nil { // kine would try to open it for minutes
		return r, fmt.Errorf("open a copy of %s: %w", filepath.Base(file), err)
	}
	r, err = read(ctx, own, newJudge(allowed))
	r.Bytes = info.Size()
	return r, err
}

// read runs the copy's datastore while all of it is read.
func read(ctx context.Context, dir string, j *judge) (rehearsal.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- datastore.At(dir).Run(ctx) }()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{datastore.At(dir).Endpoint()}, DialTimeout: 10 * time.Second})
	if err != nil {
		return rehearsal.Report{}, err
	}
	defer client.Close()
	done := make(chan error, 1)
	go func() {
		err := all(ctx, client, custom.Prefix, func(key string, _ []byte) { j.customs.Add(key) })
		if err == nil {
			err = all(ctx, client, "/registry/", j.look)
		}
		if err == nil {
			err = write(ctx, client)
		}
		done <- err
	}()
	select {
	case err := <-ended: // before everything was read: the copy could not be opened
		return rehearsal.Report{}, fmt.Errorf("open a copy of %s: %w", filepath.Base(datastore.At(dir).File()), err)
	case err := <-done:
		cancel()
		return j.report(), errors.Join(err, <-ended)
	}
}

// write writes a key twice and reads it: a database that can be read may have a schema that refuses what this version
// writes, and kine does not report every refusal.
func write(ctx context.Context, client *clientv3.Client) error {
	const key = "/proa/rehearsal"
	for _, value := range []string{"one", "two"} {
		if _, err := client.Put(ctx, key, value); err != nil {
			return fmt.Errorf("write to a copy of the database: %w", err)
		}
		got, err := client.Get(ctx, key)
		if err != nil {
			return fmt.Errorf("write to a copy of the database: %w", err)
		}
		if len(got.Kvs) != 1 || string(got.Kvs[0].Value) != value {
			return errors.New("write to a copy of the database: its schema refuses what this version writes")
		}
	}
	return nil
}

// page is the number of objects that are in memory at once.
const page = 200

// all calls look with each key below first, and its value.
func all(ctx context.Context, client *clientv3.Client, first string, look func(key string, value []byte)) error {
	end := clientv3.GetPrefixRangeEnd(first)
	for from := first; ; {
		got, err := client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(page))
		if err != nil {
			return fmt.Errorf("read from %s on: %w", from, err)
		}
		for _, kv := range got.Kvs {
			look(string(kv.Key), kv.Value)
		}
		if !got.More || len(got.Kvs) == 0 {
			return nil
		}
		from = string(got.Kvs[len(got.Kvs)-1].Key) + "\x00"
	}
}
