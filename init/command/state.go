package command

import (
	"context"
	"fmt"
	"strings"
)

// The states of a list.
const (
	Waiting   = "waiting" // for the network
	Running   = "running"
	Succeeded = "succeeded"
	Failed    = "failed"
	Stopped   = "stopped" // by a shutdown
)

// State is the state of a list.
type State struct {
	Key       string    `json:"key"`
	Log       string    `json:"log"`
	State     string    `json:"state"`
	Count     int       `json:"count"`             // commands in the list
	Command   int       `json:"command,omitempty"` // number of the one that runs, or ran last, from 1
	Succeeded int       `json:"succeeded"`
	Skipped   int       `json:"skipped,omitempty"` // that had succeeded at an earlier boot
	Failed    []Failure `json:"failed,omitempty"`
	Reason    string    `json:"reason,omitempty"` // why it ended early, or does not run
}

// Failure is a command that failed.
type Failure struct {
	Command int    `json:"command"`
	How     string `json:"how"`
}

// end sets the last state of a list.
func (s *State) end(ctx context.Context, stopped bool) {
	done := s.Succeeded + s.Skipped + len(s.Failed)
	switch {
	case len(s.Failed) > 0 || ctx.Err() != nil && done < s.Count:
		s.State = Failed
	case done < s.Count && stopped:
		s.State = Stopped
	default:
		s.State = Succeeded
	}
	if done < s.Count && ctx.Err() != nil {
		s.Reason = fmt.Sprintf("the last %d did not run: %v", s.Count-done, context.Cause(ctx))
	}
}

// Failures returns what failed in one line, "" if nothing did.
func (s State) Failures() string {
	var all []string
	for _, f := range s.Failed {
		all = append(all, fmt.Sprintf("command %d of %d: %s", f.Command, s.Count, f.How))
	}
	if s.Reason != "" {
		all = append(all, s.Reason)
	}
	if all == nil {
		return ""
	}
	return strings.Join(all, "; ") + "; its output: proa logs " + s.Log
}

func (s State) String() string {
	out := s.Key + " " + s.State
	if s.State == Running {
		out += fmt.Sprintf(": command %d of %d", s.Command, s.Count)
	}
	if s.State == Succeeded && s.Skipped == s.Count {
		out += " at an earlier boot"
	}
	if failed := s.Failures(); failed != "" {
		out += ": " + failed
	}
	return out
}

// Wait adds a list that will run later, so that States shows it.
func (j *Jobs) Wait(l List) { j.add(l, Waiting, "") }

// Refuse records why a list does not run.
func (j *Jobs) Refuse(l List, why string) { j.set(j.add(l, Failed, why), func(*State) {}) }

// States returns the states of all lists in the order in which they were started.
func (j *Jobs) States() (out []State) {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.states {
		out = append(out, s.copied())
	}
	return out
}

func (s State) copied() State {
	s.Failed = append([]Failure(nil), s.Failed...)
	return s
}

// add returns the state of the list, as at its beginning.
func (j *Jobs) add(l List, state, reason string) *State {
	j.mu.Lock()
	defer j.mu.Unlock()
	fresh := State{Key: l.Key, Log: l.Log, State: state, Count: len(l.Commands), Reason: reason}
	for _, s := range j.states {
		if s.Key == l.Key {
			*s = fresh
			return s
		}
	}
	j.states = append(j.states, &fresh)
	return &fresh
}

// begin returns nil if nothing may be started any more.
func (j *Jobs) begin(l List) *State {
	s := j.add(l, Running, "")
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stopped {
		s.State = Stopped
		return nil
	}
	j.running.Add(1)
	return s
}

func (j *Jobs) set(s *State, change func(*State)) State {
	j.mu.Lock()
	change(s)
	now, changed := s.copied(), j.changed
	j.mu.Unlock()
	changed(now)
	return now
}
