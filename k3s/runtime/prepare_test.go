package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/k3s/flags"
)

// TestPreparation: a step that fails or hangs ends the list with its name, and the timeline has the steps until there.
// Steps of another role are left out.
// It is readable by root only, because errors may quote the configuration.
func TestPreparation(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		hangs bool
		want  string
	}{
		"ok":    {nil, false, ""},
		"fails": {errors.New("no space left on device"), false, "folders: no space left on device"},
		"hangs": {nil, true, "folders: not done after 10m0s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			release, got := make(chan struct{}), ""
			defer close(release)
			folders := func(*Server, context.Context) error {
				if c.hangs {
					<-release
				}
				return c.err
			}
			s := &Server{config: &flags.Config{DisableAgent: true}, timeline: filepath.Join(t.TempDir(), "k3s", "timeline.json")}
			logging := func(*Server, context.Context) error { return nil }
			kernel := func(*Server, context.Context) error { return errors.New("not this machine's step") }
			list := []row{
				{"logging", both, logging, step.Halt, patience}, {"kernel", agent, kernel, step.Halt, patience},
				{"folders", server, folders, step.Halt, patience},
			}
			if err := s.runSteps(t.Context(), list); err != nil {
				got = err.Error()
			}
			done, err := step.Read(s.timeline)
			if got != c.want || err != nil || len(done) != 2 || done[1].List != "k3s" || done[1].Failed() != (c.want != "") {
				t.Errorf("%s: %q, timeline %+v, %v", name, got, done, err)
			}
			if info, err := os.Stat(s.timeline); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		})
	}
}
