package config

import "gopkg.in/yaml.v3"

// Source is one place in which configuration is written.
type Source struct {
	name string // in problems and origins
	text []byte
	read func(*decoder, []byte) []*yaml.Node // returns mappings of top-level keys
}

// Document is a YAML document. name is the file as its readers know it.
func Document(name string, text []byte) Source { return Source{name, text, (*decoder).document} }

// CommandLine is the kernel's command line. Columns of problems and origins count its characters.
func CommandLine(line string) Source {
	return Source{"kernel command line", []byte(line), (*decoder).cmdline}
}

// Loaded is a configuration with what is wrong in its sources.
type Loaded struct {
	Config   *Config
	Problems []Problem
	Origin   *Origin // of the whole configuration
}

// Load reads sources in order. Of a later one, scalars and lists replace earlier ones, and maps are merged. The
// configuration is usable in any case: invalid parts are ignored and reported, valid ones are used.
func Load(sources ...Source) Loaded {
	d, c, origin := &decoder{}, Default(), &Origin{}
	for _, s := range sources {
		d.file, d.values, d.at = s.name, 0, origin
		for _, n := range s.read(d, s.text) {
			d.root(n, c)
		}
	}
	return Loaded{c, d.problems, origin}
}

// Parse reads one document by itself.
func Parse(name string, text []byte) (*Config, []Problem) {
	l := Load(Document(name, text))
	return l.Config, l.Problems
}
