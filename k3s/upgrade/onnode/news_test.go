package onnode

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/proa-os/proa/config/nodeupgrade"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// attempt is one at a point of its life.
func attempt(id int, state nodeupgrade.Phase, result nodeupgrade.Result, reason string) nodeupgrade.Attempt {
	a := nodeupgrade.Attempt{ID: id, From: nodeupgrade.Release{Version: "v1"}, To: nodeupgrade.Release{Version: "v2"}, Began: noon, State: state, Result: result, Reason: reason}
	if state != nodeupgrade.Writing {
		a.Wrote = noon.Add(time.Minute)
	}
	if state == nodeupgrade.Trying || state == nodeupgrade.Ended && result != nodeupgrade.Failed && result != nodeupgrade.Aborted {
		a.Tried = noon.Add(2 * time.Minute)
	}
	return a
}

// TestNews: looks at the record, one after another; the runtime may be restarted between any two of them, and may have
// missed what was in between.
func TestNews(t *testing.T) {
	writing, written, trying := attempt(1, nodeupgrade.Writing, "", ""), attempt(1, nodeupgrade.Written, "", ""), attempt(1, nodeupgrade.Trying, "", "")
	good := attempt(1, nodeupgrade.Ended, nodeupgrade.Succeeded, "")
	back := attempt(1, nodeupgrade.Ended, nodeupgrade.RolledBack, "slot b was given up after 3 tries; it reached: network (failed: no link)")
	back.Lines = []string{"try 3 reached: network"}
	left := attempt(1, nodeupgrade.Ended, nodeupgrade.RolledBack, "proa slot rollback")
	refused := attempt(2, nodeupgrade.Ended, nodeupgrade.Failed, "check: the signature is not ours")
	refused.Wrote = time.Time{}
	for name, c := range map[string]struct {
		looks []nodeupgrade.Attempt
		want  string // reasons of events, in their order; + : a warning
		last  string // of the condition: status reason message
	}{
		"step by step":   {[]nodeupgrade.Attempt{writing, writing, written, trying, trying, good, good}, "Began Written Trying Succeeded", "True Succeeded upgrade 1, v1 to v2: succeeded"},
		"missed":         {[]nodeupgrade.Attempt{writing, good}, "Began Written Trying Succeeded", "True Succeeded"},
		"rolled back":    {[]nodeupgrade.Attempt{trying, back}, "Began Written Trying RolledBack+", "False RolledBack upgrade 1, v1 to v2: rolled back: slot b was given up after 3 tries; it reached: network (failed: no link); try 3 reached: network"},
		"left by hand":   {[]nodeupgrade.Attempt{good, left}, "Began Written Trying Succeeded RolledBack+", "False RolledBack upgrade 1, v1 to v2: rolled back: proa slot rollback"},
		"another fails":  {[]nodeupgrade.Attempt{good, refused}, "Began Written Trying Succeeded Began Failed+", "False Failed upgrade 2, v1 to v2: failed: check: the signature is not ours"},
		"aborted":        {[]nodeupgrade.Attempt{writing, attempt(1, nodeupgrade.Ended, nodeupgrade.Aborted, "stopped")}, "Began Written Aborted", "False Aborted"},
		"under way":      {[]nodeupgrade.Attempt{trying}, "Began Written Trying", "Unknown Trying upgrade 1, v1 to v2: is on trial"},
		"nothing so far": {nil, "", ""},
	} {
		var is *corev1.NodeCondition
		var got []string
		for _, a := range c.looks {
			want, events := news(nodeupgrade.Log{Entries: []nodeupgrade.Attempt{attempt(0, nodeupgrade.Ended, nodeupgrade.Failed, "old"), a}}, is, noon.Add(time.Hour))
			for _, e := range events {
				reason := strings.TrimPrefix(e.reason, "Upgrade")
				if e.warning {
					reason += "+"
				}
				got = append(got, reason)
			}
			if want != nil {
				is = want
			}
		}
		last := ""
		if is != nil {
			last = fmt.Sprintf("%s %s %s", is.Status, is.Reason, is.Message)
		}
		if strings.Join(got, " ") != c.want || !strings.HasPrefix(last, c.last) || c.last == "" && last != "" {
			t.Errorf("%s: %s; %s", name, strings.Join(got, " "), last)
		}
	}
}

// TestOldNews: a node that joins with an old record gets the condition and no events; the time of a status that stays is kept.
func TestOldNews(t *testing.T) {
	l := nodeupgrade.Log{Entries: []nodeupgrade.Attempt{attempt(7, nodeupgrade.Ended, nodeupgrade.Succeeded, "")}}
	is, events := news(l, nil, noon.Add(48*time.Hour))
	if is == nil || is.Status != corev1.ConditionTrue || len(events) > 0 {
		t.Errorf("%+v, %+v", is, events)
	}
	if want, events := news(nodeupgrade.Log{}, nil, noon); want != nil || events != nil {
		t.Errorf("%+v, %+v", want, events)
	}
	since := metav1.NewTime(noon)
	is.LastTransitionTime = since
	l.Entries[0].ID = 8
	if want, _ := news(l, is, noon.Add(49*time.Hour)); want == nil || want.LastTransitionTime != since {
		t.Errorf("%+v", want)
	}
}
