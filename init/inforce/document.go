package inforce

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/confirm"
	"github.com/proa-os/proa/init/datasource"
)

// bootDir is where the boot partition is mounted (init/boot).
const bootDir = datasource.BootDir

// ConfigFile is the user's configuration on the boot partition or the live medium; GoodFile is the one before the last
// change.
const (
	ConfigFile = datasource.ConfigFile
	GoodFile   = datasource.GoodFile
)

// ReadDocument reads all sources of the configuration below root and the kernel command line, with the text that is on
// trial instead of the file on the boot partition, if there is one.
func ReadDocument(root, line string) (Held, error) {
	t, err := confirm.Load(filepath.Join(root, bootDir))
	if t == nil {
		h, readErr := ReadConfirmed(root, line)
		if err != nil {
			h.Problems = append(h.Problems, Problem("%v; config.yaml is used", err))
		}
		return h, readErr
	}
	h, err := ReadWith(root, line, ConfigFile, []byte(t.Text))
	h.Document, h.Trial = filepath.Join(bootDir, confirm.File), t
	return h, err
}

// ReadConfirmed is ReadDocument without a text on trial. It always returns a usable configuration: for files of the boot
// and the data partition that are bad, as a worn card or one that was pulled out too early has them, it uses what they
// said when they last were good (init/datasource).
func ReadConfirmed(root, line string) (Held, error) {
	files, main := datasource.Read(root), datasource.File{Path: ConfigFile, Err: os.ErrNotExist}
	for _, f := range files {
		if f.Path == ConfigFile || f.For == ConfigFile {
			main = f
		}
	}
	return assemble(root, line, files, main)
}

// ReadWith is ReadDocument with a text instead of the file on the boot partition. name is the text in problems.
func ReadWith(root, line, name string, text []byte) (Held, error) {
	main := datasource.File{Path: name, Text: text}
	return assemble(root, line, with(datasource.Read(root), main), main)
}

// with returns the files with another one at the place of ConfigFile, or of what stands in for it.
func with(files []datasource.File, main datasource.File) []datasource.File {
	before := []string{"/usr/share/", bootDir + "/", datasource.Cache + "/boot/"} // sources before the data partition
	out := slices.DeleteFunc(slices.Clone(files), func(f datasource.File) bool { return f.Path == ConfigFile || f.For == ConfigFile })
	i := 0
	for i < len(out) && slices.ContainsFunc(before, func(dir string) bool { return strings.HasPrefix(out[i].Path, dir) }) {
		i++
	}
	return slices.Insert(out, i, main)
}

func assemble(root, line string, files []datasource.File, main datasource.File) (h Held, err error) {
	problems := misnamed(filepath.Join(root, bootDir))
	var sources []config.Source
	var all []byte
	for _, f := range files {
		if f.For != "" {
			problems = append(problems, config.Place{File: f.For, Line: 1, Column: 1}.Problem("%s; %s is used %s", f.Why, shown(f.Path), instead(files, f.For)))
		}
		switch {
		case f.Err != nil && f.Path == ConfigFile:
			err = f.Err
		case f.Err != nil:
			problems = append(problems, config.Place{File: f.Path, Line: 1, Column: 1}.Problem("cannot be read (%v)", f.Err))
		default:
			h.Sources = append(h.Sources, f.Path)
			sources, all = append(sources, config.Document(f.Path, f.Text)), append(all, f.Text...)
		}
	}
	load := func() config.Loaded {
		return config.Load(append(sources[:len(sources):len(sources)], config.CommandLine(line))...)
	}
	l := load()
	if f, problem := remote(root, l); f.Path != "" {
		h.Sources = append(h.Sources, f.Path)
		sources, all = append(sources, config.Document(f.Path, f.Text)), append(all, f.Text...)
		from := l.Config.Remote
		l = load()
		l.Config.Remote = from // an address in the document itself is not followed
	} else if problem != "" {
		problems = append(problems, l.Origin.Of("config").Problem("%s", problem))
	}
	problems = append(problems, ownInstall(l)...)
	h.Document, h.Sum, h.Config, h.Origin = main.Path, Sum(all), l.Config, l.Origin
	h.Problems = append(problems, l.Problems...)
	return h, err
}

// remote returns the document of config.url that was fetched last, if there is one.
func remote(root string, l config.Loaded) (f datasource.File, problem string) {
	from := l.Config.Remote
	if from.URL == "" {
		return f, ""
	}
	path := datasource.URLFile(from.URL)
	text, err := datasource.ReadFile(filepath.Join(root, path))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return f, "" // it is being fetched, which the status says
	case err != nil:
		return f, fmt.Sprintf("config.url: what was fetched cannot be read: %v", err)
	case !datasource.Matches(text, from.SHA256):
		return f, "config.url: what was fetched has another sum than config.sha256 and is not used"
	}
	return datasource.File{Path: path, Text: text}, ""
}

// instead says how a file is used that stands in for another one.
func instead(files []datasource.File, path string) string {
	if slices.ContainsFunc(files, func(f datasource.File) bool { return f.Path == path }) {
		return "for what it has lost"
	}
	return "instead"
}

// shown is the name of a file beside config.yaml, and the path of another one.
func shown(path string) string {
	if filepath.Dir(path) == bootDir {
		return filepath.Base(path)
	}
	return path
}

// Problem returns a problem that concerns the whole document.
func Problem(format string, args ...any) config.Problem {
	return config.Place{File: ConfigFile, Line: 1, Column: 1}.Problem(format, args...)
}

// TakenBack is what the status says after a configuration on trial was put back.
func TakenBack(why string) config.Problem {
	return Problem("the last change was taken back: %s; its text is in %s", why, filepath.Join(bootDir, confirm.Rejected))
}

// nearlyConfig matches wrong names that users give the configuration, for example because an editor hides extensions.
var nearlyConfig = regexp.MustCompile(`^(config( ?\([0-9]+\)|[-_ ].*)?\.ya?ml(\.ya?ml|\.txt)?|config|proa(-config)?\.ya?ml|(user-data|meta-data|network-config|cloud-config|cloud-init)(\.ya?ml|\.txt)?|(custom\.toml|firstrun\.sh|userconf|ssh|wpa_supplicant(\.conf)?)(\.txt)?|k3os[^/]*\.ya?ml)$`)

// misnamed reports files beside the configuration that were probably meant to be it.
func misnamed(dir string) (out []config.Problem) {
	entries, _ := os.ReadDir(dir) // errors were reported when the directory was mounted
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if !e.IsDir() && nearlyConfig.MatchString(name) && !isRead(dir, e.Name()) {
			out = append(out, config.Problem{File: filepath.Join(bootDir, e.Name()), Line: 1, Column: 1,
				Message: "this file is not read; the configuration is config.yaml beside it"})
		}
	}
	return out
}

// isRead says whether a name is one of a file that is read: a FAT knows CONFIG.YAML by config.yaml too.
func isRead(dir, name string) bool {
	a, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return false
	}
	for _, s := range datasource.Table() {
		if s.Dir != bootDir {
			continue
		}
		return slices.ContainsFunc(s.Files, func(read string) bool {
			b, err := os.Stat(filepath.Join(dir, read))
			return err == nil && os.SameFile(a, b)
		})
	}
	return false
}
