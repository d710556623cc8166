package boot

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/proa-os/proa/init/clock"
	"github.com/proa-os/proa/init/sys"
)

// TestClockStartsFromTheBuild: with a build date in the future the clock is set to it, and the state of the clock is
// written for PID 1.
func TestClockStartsFromTheBuild(t *testing.T) {
	built := time.Now().AddDate(5, 0, 0).UTC().Truncate(time.Second)
	for kept, want := range map[string]clock.State{
		"": {Source: "build", Sure: true},
		built.AddDate(1, 0, 0).Format(time.RFC3339) + " sure\n": {Source: "kept", Sure: true},
	} {
		root, f := t.TempDir(), &sys.Fake{Files: map[string]string{}}
		m := &Machine{Sys: f, Root: root, Logf: t.Logf}
		release := filepath.Join(root, "usr/share/proa/release.json")
		err := errors.Join(os.MkdirAll(filepath.Dir(release), 0o755), os.WriteFile(release, nil, 0o644), os.Chtimes(release, built, built))
		if kept != "" {
			err = errors.Join(err, os.MkdirAll(m.Path(StateDir), 0o755), os.WriteFile(m.Path(ClockFile), []byte(kept), 0o644))
		}
		if err := errors.Join(err, setClock(t.Context(), m)); err != nil {
			t.Fatal(err)
		}
		to, _ := clock.Start(kept, built, time.Now())
		if !strings.Contains(f.String(), "clock "+to.UTC().Format(time.RFC3339)+"\n") {
			t.Errorf("want %s:\n%s", to, f)
		}
		var got clock.State
		if err := json.Unmarshal([]byte(f.Files[clock.StateFile]), &got); err != nil || got.Source != want.Source || got.Sure != want.Sure {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
