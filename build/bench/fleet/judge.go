package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fleet is what was measured.
type Fleet struct {
	Options
	Start    time.Time
	Machines []Machine
	Requests []Request
	Took     time.Duration
}

// Judge returns an error for each machine that did what it should not.
func (f Fleet) Judge() error {
	sent, first := f.payloads()
	var all []error
	for _, m := range f.Machines {
		turn := f.turn(m.Place)
		switch {
		case m.Fetched.IsZero() || m.Runs.IsZero():
			all = append(all, fmt.Errorf("machine %s did not get the release", m.ID))
		case first[m.ID].Before(turn) || m.Fetched.Before(turn):
			all = append(all, fmt.Errorf("machine %s, at %.2f %%, fetched at %s: its turn is at %s", m.ID, m.Place, first[m.ID], turn))
		case m.Read > m.Planned || m.Read < m.Planned-m.spared():
			all = append(all, fmt.Errorf("machine %s (%s) read %d bytes, planned were %d", m.ID, m.Kind, m.Read, m.Planned))
		case m.Plans != 1:
			all = append(all, fmt.Errorf("machine %s planned the release %d times: that it waits is known by the metadata", m.ID, m.Plans))
		case sent[m.ID] < m.Read || strings.HasPrefix(m.Kind, "patch") && sent[m.ID] != m.Planned:
			all = append(all, fmt.Errorf("machine %s (%s) was sent %d bytes, planned were %d", m.ID, m.Kind, sent[m.ID], m.Planned))
		case !f.open(m.Runs):
			all = append(all, fmt.Errorf("machine %s restarted at %s, outside of its window", m.ID, m.Runs))
		}
	}
	return errors.Join(all...)
}

// spared is the greatest number of bytes that a machine plans and does not read: files of the slot that runs.
func (m Machine) spared() int64 {
	if m.Whole {
		return 100
	}
	return 0
}

// payloads returns the bytes of payloads that each machine was sent, and when it asked first.
func (f Fleet) payloads() (sent map[string]int64, first map[string]time.Time) {
	sent, first = map[string]int64{}, map[string]time.Time{}
	for _, r := range f.Requests {
		if !r.payload() {
			continue
		}
		sent[r.Machine] += r.Body
		if at, ok := first[r.Machine]; !ok || r.At.Before(at) {
			first[r.Machine] = r.At
		}
	}
	return sent, first
}

// turn is when the wave of a place begins.
func (f Fleet) turn(place float64) time.Time {
	for _, w := range f.Waves {
		if place < float64(w.Percent) {
			return f.Start.Add(w.After)
		}
	}
	return time.Time{}
}

// open says whether a restart that ended at a time began within the window.
func (f Fleet) open(at time.Time) bool {
	begin, _ := time.Parse("15:04", f.Window)
	length, _ := time.ParseDuration(f.Length)
	since := at.Add(-2*time.Minute).Sub(at.Truncate(24*time.Hour)) - time.Duration(begin.Hour())*time.Hour - time.Duration(begin.Minute())*time.Minute
	return since >= 0 && since < length
}

// after returns the time from the release until a part of all machines had something.
func (f Fleet) after(percent int, what func(Machine) time.Time) time.Duration {
	var list []time.Time
	for _, m := range f.Machines {
		if at := what(m); !at.IsZero() {
			list = append(list, at)
		}
	}
	n := (len(f.Machines)*percent + 99) / 100
	if n == 0 || len(list) < n {
		return 0
	}
	slices.SortFunc(list, time.Time.Compare)
	return list[n-1].Sub(f.Start)
}

// peak returns the most requests in one second of the model, and in the fullest minute for each second of it.
func (f Fleet) peak() (second int, minute float64) {
	seconds, minutes := map[int64]int{}, map[int64]int{}
	for _, r := range f.Requests {
		seconds[r.At.Unix()]++
		minutes[r.At.Unix()/60]++
	}
	most := 0
	for _, n := range seconds {
		second = max(second, n)
	}
	for _, n := range minutes {
		most = max(most, n)
	}
	return second, float64(most) / 60
}

// Table is what docs/figures.md has.
func (f Fleet) Table(took time.Duration) string {
	var b strings.Builder
	var metadata, payload, bytes, looks int64
	kinds := map[string]int{}
	for _, r := range f.Requests {
		bytes += r.Bytes
		if r.payload() {
			payload += r.Bytes
		} else {
			metadata += r.Bytes
		}
	}
	for _, m := range f.Machines {
		looks += int64(m.Looks)
		kind, _, _ := strings.Cut(m.Kind, ",")
		kinds[kind]++
	}
	second, minute := f.peak()
	row := func(name, format string, v ...any) { fmt.Fprintf(&b, "| %s | %s |\n", name, fmt.Sprintf(format, v...)) }
	b.WriteString("| " + fmt.Sprint(len(f.Machines)) + " machines | |\n|---|--:|\n")
	for _, k := range []string{"patch from v1.1", "full"} {
		row("machines that fetched: "+k, "%d", kinds[k])
	}
	row("looks for a release", "%d", looks)
	row("requests", "%d", len(f.Requests))
	row("bytes sent, MB", "%.1f", float64(bytes)/1e6)
	row("– of payloads, MB", "%.1f", float64(payload)/1e6)
	row("– of metadata, MB", "%.1f", float64(metadata)/1e6)
	row("most requests in a second", "%d", second)
	row("requests a second in the fullest minute", "%.1f", minute)
	for _, p := range []int{50, 99} {
		row(fmt.Sprintf("%d %% have it in the other slot after", p), "%s", f.after(p, func(m Machine) time.Time { return m.Fetched }).Round(time.Minute))
		row(fmt.Sprintf("%d %% run it after", p), "%s", f.after(p, func(m Machine) time.Time { return m.Runs }).Round(time.Minute))
	}
	fmt.Fprintf(&b, "\nThe model's %s took %s; nginx answered %.0f requests a second.\n", f.End, took.Round(time.Second), float64(len(f.Requests))/f.Took.Seconds())
	return b.String()
}
