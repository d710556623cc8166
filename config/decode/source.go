package decode

import (
	"reflect"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// Source is one place in which configuration is written.
type Source struct {
	name string // in problems and origins
	text []byte
	read func(*decoder, []byte) []*yaml.Node // returns mappings of top-level keys
}

// Document is a YAML document. name is the file as its readers know it.
func Document(name string, text []byte) Source {
	return Source{name: name, text: text, read: (*decoder).document}
}

// CommandLine is the kernel's command line. Columns of problems and origins count its characters.
func CommandLine(line string) Source {
	return Source{name: "kernel command line", text: []byte(line), read: (*decoder).cmdline}
}

// Name returns the name of the source.
func (s Source) Name() string { return s.name }

// Options are what a schema brings beyond its structs and their tags.
type Options struct {
	// Look checks values of a type that are decoded, by that type.
	Look map[reflect.Type]Look
	// Instance describes the machine to templates in later sources, if the source is a file that does; nil otherwise.
	Instance func(name string, text []byte) map[string]any
	// Unpack takes a text apart that is no document: the documents in it, and a draft of what else it says. ok is false
	// for a document.
	Unpack func(text []byte, instance map[string]any) (d *draft.Draft, documents [][]byte, ok bool)
	// Foreign translates a document of another system into keys of the schema: name and first line of the file, and
	// its top-level keys. ok is false if the document is one of this schema.
	Foreign func(name, first string, doc *yaml.Node) (d *draft.Draft, ok bool)
	// Sections are top-level keys of foreign documents that the kernel command line may have too.
	Sections []string
	// Words are words of the kernel command line that other systems have for keys of the schema.
	Words map[string]string
	// Rescue says which lines of a list are complete entries, by its top-level key, for a list that is not valid YAML.
	Rescue map[string]func(line string) bool
}

// Look checks a value that was decoded from n. name is used in messages.
type Look func(r Report, n *yaml.Node, value any, name string)

// Report takes what a Look finds.
type Report struct{ d *decoder }

// Bad reports an error at n, for which the value is left out.
func (r Report) Bad(n *yaml.Node, format string, args ...any) { r.d.bad(n, format, args...) }

// Warn reports an error for which the value is used all the same.
func (r Report) Warn(line, col int, format string, args ...any) {
	if len(r.d.problems) < MaxProblems {
		r.d.problems = append(r.d.problems, r.d.place(line, col).Problem(format, args...))
	}
}

// File is the name of the source.
func (r Report) File() string { return r.d.file }

// Load reads sources in order into a struct of a schema, to which a pointer is given. Of a later one, scalars and lists
// replace earlier ones, and maps are merged. The result is usable in any case: invalid parts are ignored and reported,
// valid ones are used.
func Load(into any, options Options, sources ...Source) ([]Problem, *Origin) {
	v := reflect.ValueOf(into).Elem()
	d, origin := &decoder{schema: v.Type(), options: options}, &Origin{}
	for _, s := range sources {
		d.file, d.values, d.at = s.name, 0, origin
		if about := d.about(s); about != nil {
			d.instance = about
		}
		for _, n := range s.read(d, s.text) {
			d.root(n, v)
		}
	}
	return d.problems, origin
}

// about is what a source says about the machine, to templates.
func (d *decoder) about(s Source) map[string]any {
	if d.options.Instance == nil || len(s.text) > MaxSize {
		return nil
	}
	return d.options.Instance(s.name, s.text)
}
