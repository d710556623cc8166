package onnode

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/proa-os/proa/config/nodeupgrade"
)

// Condition is the type of the condition of a Node that tells its last upgrade, whoever asked for it: True if it
// succeeded, False if it did not, Unknown while it is under way. The reason is one of the words below.
const Condition = "ProaUpgrade"

// maxMessage is the length in bytes of a condition's or event's message.
const maxMessage = 1000

// fresh is how long ago an attempt began of which a node without the condition still records events.
const fresh = 24 * time.Hour

// stages in their order, with what an event says of each. An attempt that has ended is in the last one.
var stages = []struct {
	phase  nodeupgrade.Phase
	reason string
	event  string // reason of the event
	text   string
}{
	{nodeupgrade.Writing, "Writing", "UpgradeBegan", "is being written to the other slot"},
	{nodeupgrade.Written, "Written", "UpgradeWritten", "is in the other slot"},
	{nodeupgrade.Trying, "Trying", "UpgradeTrying", "is on trial"},
}

// results are the reasons of attempts that have ended.
var results = map[nodeupgrade.Result]string{
	nodeupgrade.Succeeded: "Succeeded", nodeupgrade.Aborted: "Aborted", nodeupgrade.RolledBack: "RolledBack", nodeupgrade.Failed: "Failed",
}

// event is what is recorded about the node.
type event struct {
	warning      bool
	reason, text string
}

// news compares the newest attempt with the condition as it is, and returns the condition as it should be and the events
// that lead there. Both are in the Node object, so that a restart neither repeats nor forgets one. nil: nothing is new.
func news(l nodeupgrade.Log, is *corev1.NodeCondition, now time.Time) (want *corev1.NodeCondition, events []event) {
	a := l.Last()
	if a == nil {
		return nil, nil
	}
	want = condition(*a)
	if is != nil && is.Status == want.Status && is.Reason == want.Reason && is.Message == want.Message {
		return nil, nil
	}
	want.LastTransitionTime, want.LastHeartbeatTime = metav1.NewTime(now), metav1.NewTime(now)
	if is != nil && is.Status == want.Status {
		want.LastTransitionTime = is.LastTransitionTime
	}
	if is == nil && now.Sub(a.Began) > fresh {
		return want, nil
	}
	return want, between(*a, is)
}

// condition tells an attempt.
func condition(a nodeupgrade.Attempt) *corev1.NodeCondition {
	c := &corev1.NodeCondition{Type: Condition, Status: corev1.ConditionUnknown, Message: told(a, "")}
	for _, s := range stages {
		if s.phase == a.State {
			c.Reason, c.Message = s.reason, told(a, s.text)
		}
	}
	if a.State == nodeupgrade.Ended {
		c.Reason, c.Message = results[a.Result], told(a, outcome(a))
		c.Status = corev1.ConditionFalse
		if a.Result == nodeupgrade.Succeeded {
			c.Status = corev1.ConditionTrue
		}
	}
	return c
}

// told begins with the number of the attempt, by which it is known again.
func told(a nodeupgrade.Attempt, what string) string {
	to := a.To.Version
	if to == "" {
		to = "?"
	}
	return nodeupgrade.Line(fmt.Sprintf("upgrade %d, %s to %s: %s", a.ID, a.From.Version, to, what), maxMessage)
}

// outcome is the result with the failed check in plain words, and what each trial boot reached.
func outcome(a nodeupgrade.Attempt) string {
	text := string(a.Result)
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	if len(a.Lines) > 0 {
		text += "; " + strings.Join(a.Lines, "; ")
	}
	return text
}

// between returns the events from what the condition tells to what the attempt is now.
func between(a nodeupgrade.Attempt, is *corev1.NodeCondition) (events []event) {
	known := -1 // index of the last stage that was told
	if is != nil && strings.HasPrefix(is.Message, fmt.Sprintf("upgrade %d, ", a.ID)) {
		for i, s := range stages {
			if s.reason == is.Reason {
				known = i
			}
		}
		if is.Status != corev1.ConditionUnknown {
			known = len(stages) // it had ended, and was judged anew, as by proa slot rollback
		}
	}
	for i, s := range stages {
		if i > known && reached(a, s.phase) {
			events = append(events, event{false, s.event, told(a, s.text)})
		}
	}
	if a.State == nodeupgrade.Ended {
		bad := a.Result == nodeupgrade.Failed || a.Result == nodeupgrade.RolledBack
		events = append(events, event{bad, "Upgrade" + results[a.Result], told(a, outcome(a))})
	}
	return events
}

// reached says whether an attempt is or was in a phase.
func reached(a nodeupgrade.Attempt, p nodeupgrade.Phase) bool {
	switch p {
	case nodeupgrade.Written:
		return !a.Wrote.IsZero()
	case nodeupgrade.Trying:
		return !a.Tried.IsZero()
	}
	return true
}
