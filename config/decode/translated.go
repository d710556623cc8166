package decode

import (
	"bytes"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// Translated is a file that is no YAML document. read makes keys of the schema of its lines.
func Translated(name string, text []byte, read func(*draft.Draft, []string)) Source {
	return Source{name: name, text: text, read: func(d *decoder, text []byte) []*yaml.Node {
		if len(text) > MaxSize {
			d.add(1, 1, "larger than %d KiB; not read", MaxSize>>10)
			return nil
		}
		text = Plain(text)
		if at := bytes.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' }); at >= 0 {
			line := 1 + bytes.Count(text[:at], []byte("\n"))
			d.lose(line, 1, "a byte %#02x, which no text has: the file is damaged; what can be understood is read", text[at])
		}
		out, lines := draft.New(), bytes.Split(bytes.TrimRight(text, "\x00"), []byte("\n"))
		read(out, texts(lines))
		for _, n := range out.Notes {
			d.say(n)
		}
		return []*yaml.Node{out.Root}
	}}
}

func texts(lines [][]byte) (out []string) {
	for _, l := range lines {
		out = append(out, string(l))
	}
	return out
}
