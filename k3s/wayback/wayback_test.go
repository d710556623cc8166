package wayback

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/proa-os/proa/config/wayback"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/k3s/datastore"
	"github.com/proa-os/proa/k3s/datastore/kine"
)

const (
	oldRoot, newRoot = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
	key              = "/registry/pods/default/web"
)

var at = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// serve runs a datastore while do uses it.
func serve(dir string, do func(ctx context.Context, c *clientv3.Client) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- datastore.At(dir).Run(ctx) }()
	defer func() { cancel(); err = errors.Join(err, <-done) }()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{datastore.At(dir).Endpoint()}, DialTimeout: 10 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	for i := 0; ; i++ {
		if _, err = client.Get(ctx, key); err == nil || i == 100 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	return do(ctx, client)
}

func put(t *testing.T, dir, value string) {
	t.Helper()
	must(t, serve(dir, func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Put(ctx, key, value)
		return err
	}))
}

func get(t *testing.T, dir string) (value string) {
	t.Helper()
	must(t, serve(dir, func(ctx context.Context, c *clientv3.Client) error {
		got, err := c.Get(ctx, key)
		if err == nil && len(got.Kvs) == 1 {
			value = string(got.Kvs[0].Value)
		}
		return err
	}))
	return value
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// node is a server whose datastore was upgraded, and the record of that.
type node struct {
	t    *testing.T
	dir  string // the server's
	file string // the record
	said []string
	bad  []string
	// simple: SQLite alone judges.
	simple bool
}

// upgraded has the value old in the snapshot, and new in the datastore, which has moved or not.
func upgraded(t *testing.T, policy wayback.Policy, moved bool) *node {
	t.Helper()
	kept := t.TempDir()
	n := &node{t: t, dir: t.TempDir(), file: filepath.Join(kept, "snapshot.json")}
	put(t, n.dir, "old")
	snapshot := filepath.Join(kept, "before.db")
	must(t, datastore.At(n.dir).Copy(t.Context(), snapshot))
	n.save(wayback.Record{Entry: 1, From: wayback.Release{Version: "v1", Root: oldRoot}, To: wayback.Release{Version: "v2", Root: newRoot},
		Snapshot: snapshot, Taken: at, Policy: policy, State: wayback.Opened})
	put(t, n.dir, "new")
	if moved {
		n.move("CREATE TRIGGER moved BEFORE INSERT ON kine BEGIN SELECT RAISE(ABORT, 'tenant is missing'); END")
	}
	return n
}

// move changes the schema.
func (n *node) move(schema string) {
	n.t.Helper()
	db, err := sql.Open("sqlite3", datastore.At(n.dir).File())
	must(n.t, err)
	_, err = db.Exec(schema)
	must(n.t, errors.Join(err, db.Close()))
}

func (n *node) save(r wayback.Record) {
	n.t.Helper()
	text, err := r.Encode()
	must(n.t, errors.Join(err, atomicfile.Write(n.file, text, 0o600)))
}

func (n *node) record() wayback.Record {
	n.t.Helper()
	text, err := os.ReadFile(n.file)
	must(n.t, err)
	r, err := wayback.Parse(text)
	must(n.t, err)
	return r
}

// judge reads and writes a copy.
func (n *node) judge(ctx context.Context, copied func(ctx context.Context, to string) error) error {
	own := n.t.TempDir()
	if err := copied(ctx, datastore.At(own).File()); err != nil {
		return err
	}
	if n.simple {
		_, err := ask(datastore.At(own).File(), "INSERT INTO kine(name) VALUES('/proa/rehearsal') RETURNING id")
		return err
	}
	return serve(own, func(ctx context.Context, c *clientv3.Client) error {
		if _, err := c.Put(ctx, "/proa/rehearsal", "x"); err != nil {
			return err
		}
		got, err := c.Get(ctx, "/proa/rehearsal")
		if err == nil && len(got.Kvs) != 1 {
			return errors.New("the schema refuses writes")
		}
		return err
	})
}

// step starts the runtime of a version. The machine loses power at the call with this number of anything outside; 0: never.
func (n *node) step(root string, cut int) (calls int, lost bool) {
	n.t.Helper()
	power := func() {
		if calls++; calls == cut {
			panic("power")
		}
	}
	n.said, n.bad = nil, nil
	defer func() {
		if r := recover(); r != nil && r != "power" {
			panic(r)
		} else {
			lost = r != nil
		}
	}()
	err := Step{Store: cutting{datastore.At(n.dir), power}, File: n.file, Root: root, Judge: n.judge,
		Now:     func() time.Time { power(); return at.Add(time.Hour) },
		Status:  func(line string) { power(); n.said = append(n.said, line) },
		Problem: func(line string) { power(); n.bad = append(n.bad, line) }}.Run(context.Background())
	must(n.t, err)
	return calls, false
}

// cutting loses power before and after what it does.
type cutting struct {
	datastore.Store
	power func()
}

func (c cutting) Copy(ctx context.Context, file string) error {
	defer c.power()
	c.power()
	return c.Store.Copy(ctx, file)
}

func (c cutting) Forget() error {
	defer c.power()
	c.power()
	return c.Store.Forget()
}

func (c cutting) Restore(ctx context.Context, file string) error {
	defer c.power()
	c.power()
	return c.Store.Restore(ctx, file)
}

func (c cutting) Loss(ctx context.Context, file string) (kine.Loss, error) {
	c.power()
	return c.Store.Loss(ctx, file)
}

// TestFallBack: each row is a policy, and what the new version left.
func TestFallBack(t *testing.T) {
	for _, c := range []struct {
		policy       wayback.Policy
		moved        bool
		result       wayback.Result
		value, words string
	}{
		{wayback.Restore, false, wayback.Readable, "new", "v1 reads what v2 left in the datastore: nothing was restored or lost"},
		{wayback.Keep, false, wayback.Readable, "new", "v1 reads what v2 left"},
		{wayback.Restore, true, wayback.Restored, "old", "the snapshot of 2026-11-02 12:00:00Z was restored; what was written since is lost: 1 writes to 1 objects (pods 1)"},
		{wayback.Keep, true, wayback.Unreadable, "", "v1 cannot take over what v2 left in the datastore: "},
	} {
		t.Run(fmt.Sprintf("%s, moved %t", c.policy, c.moved), func(t *testing.T) {
			n := upgraded(t, c.policy, c.moved)
			n.step(oldRoot, 0)
			r := n.record()
			if r.Result != c.result || r.State != wayback.Ended || !strings.Contains(r.Message, c.words) || !strings.Contains(strings.Join(append(n.said, n.bad...), "\n"), c.words) {
				t.Errorf("%+v, said %q, problems %q", r, n.said, n.bad)
			}
			if c.value != "" {
				if got := get(t, n.dir); got != c.value {
					t.Errorf("the datastore has %q", got)
				}
			} else if !strings.Contains(r.Message, "the schema refuses writes") || !strings.Contains(r.Message, "proa upgrade restore-datastore") {
				t.Errorf("%s", r.Message)
			}
			before := n.record()
			n.step(oldRoot, 0)
			if n.record() != before || (c.result == wayback.Unreadable) != (len(n.bad) == 1) {
				t.Errorf("at the next start: %+v, problems %q", n.record(), n.bad)
			}
		})
	}
}

// TestRenew: the new version takes the snapshot again at its first start, and only then; and again when it is tried again.
func TestRenew(t *testing.T) {
	n := upgraded(t, wayback.Restore, false)
	r := n.record()
	for _, state := range []wayback.State{wayback.Kept, wayback.Ended} {
		r.State = state
		n.save(r)
		must(t, os.WriteFile(r.Snapshot+".new", []byte("left by a power cut"), 0o600))
		n.step(newRoot, 0)
		if now := n.record(); now.State != wayback.Opened || !now.Taken.Equal(at.Add(time.Hour)) || now.Bytes < 4096 {
			t.Errorf("%s: %+v, said %q", state, now, n.said)
		}
	}
	put(t, n.dir, "newer")
	n.step(newRoot, 0)
	n.move("CREATE TRIGGER moved BEFORE INSERT ON kine BEGIN SELECT RAISE(ABORT, 'x'); END")
	n.step(oldRoot, 0)
	if got := get(t, n.dir); got != "new" {
		t.Errorf("restored %q, %+v", got, n.record())
	}
}

// TestAsked: what somebody asks for is restored in any version.
func TestAsked(t *testing.T) {
	n := upgraded(t, wayback.Keep, false)
	r := n.record()
	r.State = wayback.Asked
	n.save(r)
	n.step("cccccccccccccccc", 0)
	if got := get(t, n.dir); got != "old" || n.record().Result != wayback.Restored {
		t.Errorf("%q, %+v", got, n.record())
	}
}

// TestSnapshotOfNoUse: what this version could not read before the upgrade either is no reason to lose anything.
func TestSnapshotOfNoUse(t *testing.T) {
	n := upgraded(t, wayback.Restore, true)
	r := n.record()
	must(t, os.Remove(r.Snapshot))
	must(t, datastore.At(n.dir).Copy(t.Context(), r.Snapshot))
	n.step(oldRoot, 0)
	if r := n.record(); r.Result != wayback.Failed || !strings.Contains(r.Message, "the datastore is as it was") || len(n.bad) == 0 {
		t.Errorf("%+v", r)
	}
}

// TestDamagedSnapshot: nothing is replaced by it.
func TestDamagedSnapshot(t *testing.T) {
	n := upgraded(t, wayback.Keep, false)
	r := n.record()
	r.State = wayback.Asked
	n.save(r)
	must(t, os.WriteFile(r.Snapshot, []byte("half of a datab"), 0o600))
	n.step(oldRoot, 0)
	if got := get(t, n.dir); got != "new" || n.record().Result != wayback.Failed {
		t.Errorf("%q, %+v", got, n.record())
	}
}

// quick is a node whose judge asks SQLite only, below a directory of its own: another kine for each of many power cuts
// takes long.
func (n *node) quick(t *testing.T) *node {
	t.Helper()
	c := &node{t: t, dir: t.TempDir(), file: filepath.Join(t.TempDir(), "snapshot.json"), simple: true}
	must(t, os.CopyFS(filepath.Join(c.dir, "db"), os.DirFS(filepath.Join(n.dir, "db"))))
	r := n.record()
	text, err := os.ReadFile(r.Snapshot)
	r.Snapshot = filepath.Join(filepath.Dir(c.file), "before.db")
	must(t, errors.Join(err, os.WriteFile(r.Snapshot, text, 0o600)))
	c.save(r)
	return c
}

// ask runs a query that returns a number.
func ask(file, query string) (n int, err error) {
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		return 0, err
	}
	return n, errors.Join(db.QueryRow(query).Scan(&n), db.Close())
}

const hasNew = "SELECT COUNT(*) FROM kine WHERE value = CAST('new' AS BLOB)"

// TestPower: wherever the power fails, the next start ends the way back: the old value is there, and the new one is kept.
func TestPower(t *testing.T) {
	first := upgraded(t, wayback.Restore, true)
	cuts := 0
	for cut := 1; ; cut++ {
		n := first.quick(t)
		if _, lost := n.step(oldRoot, cut); !lost {
			break
		}
		cuts++
		n.step(oldRoot, 0)
		if r := n.record(); r.Result != wayback.Restored || !strings.Contains(r.Message, "1 writes to 1 objects") {
			t.Errorf("cut %d: %+v", cut, r)
		}
		now, err := ask(datastore.At(n.dir).File(), hasNew)
		kept, err2 := ask(datastore.At(n.dir).Replaced(), hasNew)
		if must(t, errors.Join(err, err2)); now != 0 || kept != 1 {
			t.Errorf("cut %d: the new value is there %d times, and kept %d times", cut, now, kept)
		}
	}
	if t.Logf("%d power cuts", cuts); cuts < 8 {
		t.Errorf("only %d cuts", cuts)
	}
}

// TestPowerWhileRenewed: wherever the power fails, the next start of the new version has a whole snapshot.
func TestPowerWhileRenewed(t *testing.T) {
	first := upgraded(t, wayback.Restore, false)
	r := first.record()
	r.State = wayback.Kept
	first.save(r)
	cuts := 0
	for cut := 1; ; cut++ {
		n := first.quick(t)
		if _, lost := n.step(newRoot, cut); !lost {
			break
		}
		cuts++
		if _, err := ask(n.record().Snapshot, hasNew); err != nil {
			t.Errorf("cut %d: %v", cut, err)
		}
		n.step(newRoot, 0)
		has, err := ask(n.record().Snapshot, hasNew)
		if r := n.record(); err != nil || has != 1 || r.State != wayback.Opened || !r.Taken.After(at) {
			t.Errorf("cut %d: %+v, %d, %v", cut, r, has, err)
		}
	}
	if t.Logf("%d power cuts", cuts); cuts < 3 {
		t.Errorf("only %d cuts", cuts)
	}
}

// TestNothing: without a record, and with one that cannot be read, nothing is touched.
func TestNothing(t *testing.T) {
	n := &node{t: t, dir: t.TempDir(), file: filepath.Join(t.TempDir(), "none.json")}
	if n.step(oldRoot, 0); len(n.said)+len(n.bad) > 0 {
		t.Errorf("%q, %q", n.said, n.bad)
	}
	must(t, os.WriteFile(n.file, []byte("{"), 0o600))
	if n.step(oldRoot, 0); len(n.bad) != 1 || !strings.Contains(n.bad[0], "nothing is restored") {
		t.Errorf("%q", n.bad)
	}
}
