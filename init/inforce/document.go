package inforce

import (
	"bytes"
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

// ConfigFile is the user's configuration on the boot partition or the live medium; GoodFile is the one before the last
// change.
const (
	ConfigFile = bootDir + "/config.yaml"
	GoodFile   = ConfigFile + ".good"
)

// ReadDocument reads the sources of the configuration: the document below root, then the kernel command line. It always returns a usable
// one: if the file cannot be read, is missing or is empty, as a worn card or one that was pulled out too early has it, it
// uses the previous one, if there is one.
func ReadDocument(root, line string) (Held, error) {
	from := ConfigFile
	text, err := config.Read(filepath.Join(root, from))
	why := unusable(text, err)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	var problems []config.Problem
	if why != "" {
		if good, goodErr := config.Read(filepath.Join(root, GoodFile)); unusable(good, goodErr) == "" {
			problems = append(problems, Problem("%s; %s is used instead", why, filepath.Base(GoodFile)))
			from, text, err = GoodFile, good, nil
		}
	}
	l := config.Load(config.Document(from, text), config.CommandLine(line))
	problems = append(append(problems, misnamed(filepath.Join(root, bootDir))...), l.Problems...)
	return Held{Document: from, Sum: Sum(text), Problems: problems, Config: l.Config, Origin: l.Origin}, err
}

// unusable says why a document says nothing, as a card that was pulled out too early leaves it; empty: it says something.
func unusable(text []byte, err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "is missing"
	case err != nil:
		return fmt.Sprintf("cannot be read (%v)", err)
	case len(bytes.Trim(text, "\x00 \t\r\n")) == 0:
		return "is empty"
	}
	return ""
}

// Problem returns a problem that concerns the whole document.
func Problem(format string, args ...any) config.Problem {
	return config.Place{File: ConfigFile, Line: 1, Column: 1}.Problem(format, args...)
}

// nearlyConfig matches wrong names that users give the configuration, for example because an editor hides extensions.
var nearlyConfig = regexp.MustCompile(`^(config( ?\([0-9]+\)|[-_ ].*)?\.ya?ml(\.ya?ml|\.txt)?|config|proa(-config)?\.ya?ml|(user-data|cloud-config|cloud-init)(\.ya?ml|\.txt)?|network-config|(ssh|userconf)(\.txt)?|wpa_supplicant\.conf|custom\.toml|firstrun\.sh|k3os[^/]*\.ya?ml)$`)

// misnamed reports files beside the configuration that were probably meant to be it.
func misnamed(dir string) (out []config.Problem) {
	entries, _ := os.ReadDir(dir) // errors were reported when the directory was mounted
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if !e.IsDir() && nearlyConfig.MatchString(name) && !isConfig(dir, e.Name()) {
			out = append(out, config.Problem{File: filepath.Join(bootDir, e.Name()), Line: 1, Column: 1,
				Message: "this file is not read; the configuration is config.yaml beside it"})
		}
	}
	return out
}

// isConfig says whether a name is one of the configuration itself: a FAT knows CONFIG.YAML by config.yaml too.
func isConfig(dir, name string) bool {
	a, errA := os.Stat(filepath.Join(dir, name))
	b, errB := os.Stat(filepath.Join(dir, filepath.Base(ConfigFile)))
	return errA == nil && errB == nil && os.SameFile(a, b)
}
