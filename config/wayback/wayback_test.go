package wayback

import (
	"strings"
	"testing"
	"time"
)

// TestNext: each row is a state, in each version that may run.
func TestNext(t *testing.T) {
	for _, c := range []struct {
		state             State
		from, to, another Task
	}{
		{Kept, Nothing, Renew, Nothing},
		{Opened, Judge, Nothing, Nothing},
		{Asked, Replace, Replace, Replace},
		{Restoring, Replace, Replace, Replace},
		{Ended, Nothing, Renew, Nothing}, // it is tried again
	} {
		r := Record{From: Release{"v1", "aa"}, To: Release{"v2", "bb"}, Snapshot: "/x", State: c.state}
		if from, to, another := r.Next("aa"), r.Next("bb"), r.Next("cc"); from != c.from || to != c.to || another != c.another {
			t.Errorf("%s: %q, %q, %q", c.state, from, to, another)
		}
		if r.Snapshot = ""; r.Next("aa")+r.Next("bb") != Nothing {
			t.Errorf("%s: there is no snapshot", c.state)
		}
	}
}

func TestRecord(t *testing.T) {
	at := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	r := Record{Entry: 3, From: Release{"v1", "aa"}, To: Release{"v2", "bb"}, Snapshot: "/x", Bytes: 1_500_000, Taken: at, Policy: Restore, State: Opened}
	r = r.End(Restored, "restored", at.Add(time.Hour))
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := Parse(b); err != nil || back != r {
		t.Errorf("%+v, %v", back, err)
	}
	want := "snapshot of the datastore from 2026-11-02 12:00:00Z (2h0m0s ago, 1.5 MB), before the upgrade from v1 to v2; 2026-11-02 13:00Z: restored"
	if text := r.Text(at.Add(2 * time.Hour)); text != want {
		t.Error(text)
	}
	for _, text := range []string{"", "{", strings.Repeat(" ", MaxFile) + "{}"} {
		if r, err := Parse([]byte(text)); err == nil || r != (Record{}) {
			t.Errorf("%.10q: %+v", text, r)
		}
	}
	if text := (Record{}).Text(at); !strings.HasPrefix(text, "no snapshot") {
		t.Error(text)
	}
}
