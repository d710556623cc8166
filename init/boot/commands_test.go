package boot

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/step"
	"github.com/proa-os/proa/init/command"
	"github.com/proa-os/proa/init/proc"
)

// TestBootCommands: boot_cmd has the environment, and what fails is the user's mistake, with the place of its output.
func TestBootCommands(t *testing.T) {
	m, _ := machine(t, nil)
	m.Jobs = command.New(proc.New(context.Background()).Start, t.TempDir(), "")
	file := t.TempDir() + "/f"
	m.Config.Environment = map[string]string{"FILE": file}
	m.Config.BootCmd = []string{"exit 7", "echo hello > $FILE"}
	err := bootCommands(t.Context(), m)
	if !errors.As(err, new(*step.UserError)) || err.Error() != "command 1 of 2: exit code 7; its output: proa logs boot-cmd" {
		t.Error(err)
	}
	if got, _ := os.ReadFile(file); string(got) != "hello\n" {
		t.Errorf("wrote %q", got)
	}
}

// TestDeferredFiles: each file is written by one of the two steps.
func TestDeferredFiles(t *testing.T) {
	m, f := machine(t, nil)
	m.Config.WriteFiles = []config.File{{Path: "/etc/a", Owner: "0:0", Permissions: "0644"}, {Path: "/etc/b", Owner: "0:0", Permissions: "0644", Defer: true}}
	if got := calls(t, m, f, "write-files", "deferred-files"); got != "# write-files\nmkdir /etc 0755\nwrite /etc/a 0644\n# deferred-files\nmkdir /etc 0755\nwrite /etc/b 0644\n" {
		t.Error(got)
	}
}

// TestEnvironment: logins of all accounts can read their variables, those of the runtime only root.
func TestEnvironment(t *testing.T) {
	m, f := machine(t, nil)
	m.Config.Environment = map[string]string{"HTTPS_PROXY": "http://proxy"}
	if got := calls(t, m, f, "environment"); !strings.HasSuffix(got, "write /etc/environment 0644\nwrite /run/proa/k3s-environment 0600\n") {
		t.Error(got)
	}
	if !strings.Contains(f.Files["/run/proa/k3s-environment"], "NO_PROXY=localhost,") || strings.Contains(f.Files["/etc/environment"], "NO_PROXY") {
		t.Errorf("%q", f.Files)
	}
}

// TestTimezone: programs find the zone, and none is taken that the image lacks.
func TestTimezone(t *testing.T) {
	m, f := machine(t, map[string]string{"usr/share/zoneinfo/Europe/Berlin": "TZif"})
	m.Config.Timezone = "Europe/Berlin"
	if got := calls(t, m, f, "timezone"); got != "# timezone\nsymlink /etc/localtime -> /usr/share/zoneinfo/Europe/Berlin\nwrite /etc/timezone 0644\n" {
		t.Error(got)
	}
	m.Config.Timezone = "Europe/London"
	if err := timezone(t.Context(), m); !errors.As(err, new(*step.UserError)) {
		t.Error(err)
	}
	m.Config.Timezone = ""
	if got := calls(t, m, f, "timezone"); !strings.HasSuffix(got, "symlink /etc/localtime -> /usr/share/zoneinfo/Etc/UTC\nwrite /etc/timezone 0644\n") {
		t.Error(got)
	}
}
