package runtime

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

// For each way in which Kubernetes logs and ends the process, the reason is sent to the supervisor, and all lines are
// logged.
func TestWhyKubernetesEndsTheProcess(t *testing.T) {
	for _, c := range []struct {
		name, why string
		end       func()
	}{
		{"fatal", `PostStartHook "rbac" failed: timeout`, func() {
			klog.ErrorS(errors.New("connection refused"), "Not the reason")
			klog.Fatalf("PostStartHook %q failed: %v", "rbac", "timeout")
		}},
		{"exit", "no [such] plane", func() { klog.Exitf("no [such] plane") }},
		{"error", `"Leader election lost" err="gone"`, func() {
			klog.InfoS("Not the reason")
			klog.FromContext(context.Background()).Error(errors.New("gone"), "Leader election lost")
			klog.FlushAndExit(klog.ExitFlushTimeout, 1)
		}},
		{"several lines", "first", func() { klog.Fatal("first\nsecond") }},
		{"silent", "ended without an error message, see the log", func() { klog.FlushAndExit(klog.ExitFlushTimeout, 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer klog.ClearLogger()
			defer func() { klog.OsExit = os.Exit }()
			var log strings.Builder
			why := make(chan string, 1)
			err := logTo(&log, 0, func(reason string) {
				why <- reason
				runtime.Goexit() // klog expects that the exit function does not return
			})
			if err != nil {
				t.Fatal(err)
			}
			go c.end()
			if got := <-why; got != c.why {
				t.Errorf("got %q, want %q", got, c.why)
			}
			if c.name != "silent" && !strings.Contains(log.String(), c.why) {
				t.Errorf("not in the log:\n%s", &log)
			}
		})
	}
}

// For each way of logging, lines above the verbosity are suppressed.
func TestVerbosity(t *testing.T) {
	for verbosity, want := range map[int]int{0: 0, 2: 3} {
		var log strings.Builder
		if err := logTo(&log, verbosity, nil); err != nil {
			t.Fatal(err)
		}
		klog.V(2).Info("one")
		klog.V(2).InfoS("two")
		klog.FromContext(context.Background()).V(2).Info("three")
		klog.V(3).Info("four")
		klog.FromContext(context.Background()).V(3).Info("five")
		if got := strings.Count(log.String(), "\n"); got != want {
			t.Errorf("verbosity %d: %d lines, want %d:\n%s", verbosity, got, want, &log)
		}
	}
	klog.ClearLogger()
	klog.OsExit = os.Exit
}
