package config

import (
	"path"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/decode"
	"github.com/proa-os/proa/config/foreign"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/imager"
	"github.com/proa-os/proa/config/foreign/metadata"
	"github.com/proa-os/proa/config/foreign/userdata"
	"github.com/proa-os/proa/config/rule"
)

// What the decoder knows about sources, problems and origins, under the names that the rest of proa uses.
type (
	Source  = decode.Source
	Problem = decode.Problem
	Place   = decode.Place
	Origin  = decode.Origin
)

// MaxSize is the maximum size of a document in bytes; a larger one is not read.
const MaxSize = decode.MaxSize

// Default returns the configuration of a machine without any settings.
func Default() *Config {
	c := &Config{}
	decode.Defaults(c)
	return c
}

// Document is a YAML document, or a file of Raspberry Pi Imager, which is known by its name. name is the file as its
// readers know it.
func Document(name string, text []byte) Source {
	if read := imager.ReaderOf(path.Base(name)); read != nil {
		return decode.Translated(name, text, read)
	}
	return decode.Document(name, text)
}

// CommandLine is the kernel's command line.
func CommandLine(line string) Source { return decode.CommandLine(line) }

// Read reads a file for Load, and of one that is too large only enough for Load to see that.
func Read(file string) ([]byte, error) { return decode.Read(file) }

// Loaded is a configuration with what is wrong in its sources.
type Loaded struct {
	Config   *Config
	Problems []Problem
	Origin   *Origin // of the whole configuration
}

var options = decode.Options{
	Look:     map[reflect.Type]decode.Look{reflect.TypeFor[File](): content, reflect.TypeFor[Check](): oneCheck},
	Instance: metadata.Instance,
	Unpack: func(text []byte, instance map[string]any) (*draft.Draft, [][]byte, bool) {
		if !userdata.Is(text) {
			return nil, nil, false
		}
		d := draft.New()
		return d, userdata.Parts(d, text, instance), true
	},
	Foreign: func(file, first string, doc *yaml.Node) (*draft.Draft, bool) {
		return foreign.Translate(file, first, doc, decode.Keys(Config{}))
	},
	Sections: []string{"k3os"},
	Words:    map[string]string{"cloud-config-url": "config.url", "config_url": "config.url"}, // of cloud-init and of Kairos
	Rescue:   map[string]func(string) bool{"ssh_authorized_keys": isKey},                      // whatever else is wrong, one can log in
}

func isKey(line string) bool {
	r, _ := rule.Of("sshkey")
	return r.Judge(line) == ""
}

// Load reads sources in order. Of a later one, scalars and lists replace earlier ones, and maps are merged. The
// configuration is usable in any case: invalid parts are ignored and reported, valid ones are used.
func Load(sources ...Source) Loaded {
	c := Default()
	problems, origin := decode.Load(c, options, sources...)
	joinKeys(c, origin, sources)
	for _, found := range append(c.Network.conflicts(), c.Health.conflicts()...) {
		p := origin.Of(found.path...).Problem("%s", found.text)
		p.Note = found.note
		problems = append(problems, p)
	}
	if strings.HasPrefix(c.Remote.URL, "http:") && c.Remote.SHA256 == "" {
		p := origin.Of("config", "url").Problem("url: without TLS, whoever is on the network between can change the document; use https, or set config.sha256")
		p.Note = true
		problems = append(problems, p)
	}
	return Loaded{c, problems, origin}
}

// Parse reads one document by itself.
func Parse(name string, text []byte) (*Config, []Problem) {
	l := Load(Document(name, text))
	return l.Config, l.Problems
}

// Nearest returns the candidate closest to word, or "".
func Nearest(word string, candidates []string) string { return decode.Nearest(word, candidates) }

// Plain converts what editors save to UTF-8 with line feeds.
func Plain(text []byte) []byte { return decode.Plain(text) }
