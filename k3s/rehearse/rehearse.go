// Package rehearse opens a copy of a cluster's database with this version of the runtime, and says what of it this
// version can no longer read or serve. It is run by the new version before a node restarts with it.
//
// It refuses to touch the database itself: it works on a copy, which it deletes. It does not judge custom resources,
// whose versions are the business of their CustomResourceDefinition.
package rehearse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/proa-os/proa/k3s/datastore"
)

// Report is what was found.
type Report struct {
	Objects   int   `json:"objects"`
	Encrypted int   `json:"encrypted"` // objects that only the API server could read; not judged
	Bytes     int64 `json:"bytes"`     // size of the copy
	// Unreadable are stored in a version that this runtime does not know.
	Unreadable []Use `json:"unreadable,omitempty"`
	// Unserved were written by clients in a version that this runtime does not serve: these clients will fail.
	Unserved []Use `json:"unserved,omitempty"`
}

// Use is a use of one version of one kind.
type Use struct {
	APIVersion string `json:"api_version"` // policy/v1beta1
	Kind       string `json:"kind"`
	Client     string `json:"client,omitempty"` // the manager that wrote it (metadata.managedFields)
	Count      int    `json:"count"`
	Example    string `json:"example"` // namespace/name
}

func (u Use) String() string {
	by := ""
	if u.Client != "" {
		by = " by " + u.Client
	}
	return fmt.Sprintf("%s %s: %d%s, such as %s", u.APIVersion, u.Kind, u.Count, by, u.Example)
}

// Run copies the database of the server below serverDir to a directory of its own in dir, opens the copy as the server
// would, and reads all objects. allowed are group versions that the configuration enables (runtime-config).
func Run(ctx context.Context, serverDir, dir string, allowed map[string]bool) (r Report, err error) {
	own, err := os.MkdirTemp(dir, "rehearsal-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(own)) }()
	if err := datastore.At(serverDir).Copy(ctx, datastore.At(own).File()); err != nil {
		return r, err
	}
	info, err := os.Stat(datastore.At(own).File())
	if err != nil {
		return r, err
	}
	r, err = read(ctx, own, newJudge(allowed))
	r.Bytes = info.Size()
	return r, err
}

// read runs the copy's datastore while all of it is read.
func read(ctx context.Context, dir string, j *judge) (Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- datastore.At(dir).Run(ctx) }()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{datastore.At(dir).Endpoint()}, DialTimeout: 10 * time.Second})
	if err != nil {
		return Report{}, err
	}
	defer client.Close()
	done := make(chan error, 1)
	go func() { done <- all(ctx, client, j.look) }()
	select {
	case err := <-ended: // before everything was read: the copy could not be opened
		return Report{}, fmt.Errorf("open a copy of %s: %w", filepath.Base(datastore.At(dir).File()), err)
	case err := <-done:
		cancel()
		return j.report(), errors.Join(err, <-ended)
	}
}

// page is the number of objects that are in memory at once.
const page = 200

// all calls look with each key and value of the cluster.
func all(ctx context.Context, client *clientv3.Client, look func(key string, value []byte)) error {
	const first = "/registry/"
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
