package kine

import (
	"context"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func open(t *testing.T, dir string) (client *clientv3.Client, stop func()) {
	t.Helper()
	store, err := At(dir).open()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- store.serve(ctx) }()
	client, err = clientv3.New(clientv3.Config{Endpoints: []string{At(dir).Endpoint()}, DialTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return client, func() {
		client.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestValuesSurviveReopening(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	client, stop := open(t, dir)
	create := clientv3.OpPut("/registry/pods/a", "one")
	absent := clientv3.Compare(clientv3.ModRevision("/registry/pods/a"), "=", 0)
	reply, err := client.Txn(ctx).If(absent).Then(create).Else(clientv3.OpGet("/registry/pods/a")).Commit()
	if err != nil || !reply.Succeeded {
		t.Fatalf("create: %v %v", reply, err)
	}
	stop()

	client, stop = open(t, dir)
	defer stop()
	got, err := client.Get(ctx, "/registry/pods/a")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "one" {
		t.Errorf("after reopening: %v", got.Kvs)
	}
}
