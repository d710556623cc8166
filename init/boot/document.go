package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/images/atomicfile"
	"github.com/proa-os/proa/init/bootfile"
	"github.com/proa-os/proa/init/inforce"
	"github.com/proa-os/proa/init/slot"
	"github.com/proa-os/proa/init/step"
)

// ConfigFile is the user's document on the boot partition or the live medium; GoodFile the one that was there before the last change.
const (
	ConfigFile = BootDir + "/config.yaml"
	GoodFile   = ConfigFile + ".good"
)

// ReadDocument reads the configuration below root and lays the kernel command line over it. It always returns one that can be used: a document
// that cannot be read at all, as on a worn card, is replaced by the one before it.
func ReadDocument(root, line string) (inforce.Held, error) {
	from := ConfigFile
	text, err := config.Read(filepath.Join(root, from))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	var problems []config.Problem
	if err != nil {
		if good, goodErr := config.Read(filepath.Join(root, GoodFile)); goodErr == nil {
			problems = append(problems, problem("cannot be read (%v); %s is used instead", err, filepath.Base(GoodFile)))
			from, text, err = GoodFile, good, nil
		}
	}
	c, found := config.Load(from, text, line)
	problems = append(append(problems, misnamed(filepath.Join(root, BootDir))...), found...)
	return inforce.Held{Document: from, Sum: inforce.Sum(text), Problems: problems, Config: c}, err
}

func problem(format string, args ...any) config.Problem {
	return config.Problem{File: ConfigFile, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
}

// nearlyConfig are names that people give a configuration, and editors that hide what a name ends in.
var nearlyConfig = regexp.MustCompile(`^(config( ?\([0-9]+\)|[-_ ].*)?\.ya?ml(\.ya?ml|\.txt)?|config|proa(-config)?\.ya?ml|(user-data|cloud-config|cloud-init)(\.ya?ml|\.txt)?|k3os[^/]*\.ya?ml)$`)

// misnamed reports files beside the document that somebody may take for one.
func misnamed(dir string) (out []config.Problem) {
	entries, _ := os.ReadDir(dir) // what cannot be listed was reported where it was mounted
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if !e.IsDir() && e.Name() != filepath.Base(ConfigFile) && nearlyConfig.MatchString(name) {
			out = append(out, config.Problem{File: filepath.Join(BootDir, e.Name()), Line: 1, Column: 1,
				Message: "this file is not read; the configuration is config.yaml beside it"})
		}
	}
	return out
}

// readConfig never fails because of what the user wrote: the sound parts hold, the problems go to console and status.
func readConfig(_ context.Context, m *Machine) error {
	held, err := ReadDocument(m.Root, m.Line.Raw)
	m.Config, m.Problems, m.InForce = held.Config, held.Problems, held
	for _, p := range m.Problems {
		m.Logf("config: %s", p)
	}
	return errors.Join(err, inforce.Save(m.Sys.WriteFile, held))
}

// Reloads are the steps of stage 2 that a changed configuration goes through while the machine runs; of the others the machine has to start anew.
func Reloads() []Step {
	return []Step{
		{"ssh-keys", sshKeys, step.Warn, 0},
		{"sysctls", sysctls, step.Warn, 0},
		{"user-modules", userModules, step.Warn, 0},
		{"write-files", writeFiles, step.Warn, 0},
		{"firewall", filter, step.Warn, 0},
		{"k3s-config", k3sConfig, step.Warn, 0},
	}
}

// Reload applies a configuration as far as that goes on a running machine, and reports what could not be done, which keeps nothing else from being done.
func (m *Machine) Reload(ctx context.Context, c *config.Config) (failed []string) {
	next := Machine{Sys: m.Sys, Root: m.Root, Logf: m.Logf, Line: m.Line, Hostname: m.Hostname, Modules: m.Modules, Ctx: m.Ctx, Config: c,
		Filter: m.Filter}
	if fresh := (&Machine{Sys: m.Sys, Root: m.Root}); len(c.Modules) > 0 && openModules(fresh) == nil {
		next.Modules = fresh.Modules // it knows what the kernel has loaded on demand since the boot
	}
	for _, s := range Reloads() {
		if err := s.Func(ctx, &next); err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", s.Name, err))
		}
	}
	return failed
}

// DocumentPlace is where the document of this machine can be written.
func (m *Machine) DocumentPlace() (bootfile.Place, error) {
	if !m.OnDisk() {
		return bootfile.Place{}, fmt.Errorf("mode %s: the configuration lies on a medium that cannot be written; flash a disk", m.Line.Mode)
	}
	device := slot.Device(BootDir)
	flush := func(path string) error {
		err := atomicfile.SyncDir(path) // a file's fsync too
		if err == nil && device != "" {
			err = atomicfile.SyncDir(device) // what a disk was given earlier may still be in its own cache
		}
		return err
	}
	return bootfile.Place{Dir: BootDir, Change: slot.Remount(BootDir, bootFlags), Flush: flush}, nil
}
