package inforce

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/proa-os/proa/config"
)

// bootDir is where the boot partition is mounted (init/boot).
const bootDir = "/boot"

// ConfigFile is the user's document on the boot partition or the live medium; GoodFile the one that was there before the last change.
const (
	ConfigFile = bootDir + "/config.yaml"
	GoodFile   = ConfigFile + ".good"
)

// ReadDocument reads the configuration below root and lays the kernel command line over it. It always returns one that can be used: a document
// that cannot be read at all, as on a worn card, is replaced by the one before it.
func ReadDocument(root, line string) (Held, error) {
	from := ConfigFile
	text, err := config.Read(filepath.Join(root, from))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	var problems []config.Problem
	if err != nil {
		if good, goodErr := config.Read(filepath.Join(root, GoodFile)); goodErr == nil {
			problems = append(problems, Problem("cannot be read (%v); %s is used instead", err, filepath.Base(GoodFile)))
			from, text, err = GoodFile, good, nil
		}
	}
	c, found := config.Load(from, text, line)
	problems = append(append(problems, misnamed(filepath.Join(root, bootDir))...), found...)
	return Held{Document: from, Sum: Sum(text), Problems: problems, Config: c}, err
}

// Problem is one of the document as a whole.
func Problem(format string, args ...any) config.Problem {
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
			out = append(out, config.Problem{File: filepath.Join(bootDir, e.Name()), Line: 1, Column: 1,
				Message: "this file is not read; the configuration is config.yaml beside it"})
		}
	}
	return out
}
