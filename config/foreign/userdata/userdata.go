// Package userdata opens what user data of cloud-init comes in: MIME archives, gzip, base64, archives in YAML, templates,
// and scripts. It fetches nothing and runs no program of a part handler. What a few packed lines can become is bounded.
package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/command"
	"github.com/proa-os/proa/config/foreign/draft"
	"github.com/proa-os/proa/config/foreign/jinja"
)

// Limits of what user data is unpacked to.
const (
	maxSize  = 4 << 20 // all parts together
	maxParts = 100
	maxDepth = 10
)

// Is says whether a text is packed, a template, or a script, rather than a document.
func Is(text []byte) bool {
	_, known := kindOf(head(text), "")
	return known || packed(text) || isMIME(string(head(text))) || jinja.Header(firstLine(head(text)))
}

// head is the beginning of a text, where its kind stands.
func head(text []byte) []byte {
	return bytes.TrimLeft(text[:min(len(text), 4096)], "\xef\xbb\xbf \t\r\n")
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimRight(line, "\r")
}

var gzipMagic = []byte{0x1f, 0x8b}

// packed says whether a text is gzip, or base64 of something that is known.
func packed(text []byte) bool {
	if bytes.HasPrefix(text, gzipMagic) {
		return true
	}
	inner, ok := fromBase64(text)
	return ok && (bytes.HasPrefix(inner, gzipMagic) || bytes.HasPrefix(inner, []byte("#")) || isMIME(string(head(inner))))
}

// fromBase64 decodes a text that is nothing but base64.
func fromBase64(text []byte) ([]byte, bool) {
	if len(text) < 16 || bytes.ContainsAny(text[:min(len(text), 256)], " :#-") {
		return nil, false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	return raw, err == nil && len(raw) > 0
}

// reader takes user data apart.
type reader struct {
	*draft.Draft
	instance  map[string]any
	documents [][]byte
	parts     int
	left      int  // bytes
	full      bool // and that was said
}

// Parts returns the documents in user data, and puts what its scripts do into the draft. Documents have as many empty
// lines before them as the lines before them in the text, so that problems in them have the right line. instance is
// cloud-init's instance data, for templates.
func Parts(d *draft.Draft, text []byte, instance map[string]any) [][]byte {
	r := &reader{Draft: d, instance: instance, left: maxSize}
	r.read(part{text: text}, 0)
	return r.documents
}

// part is a text with its MIME type, if it has one, and the number of lines before it.
type part struct {
	text  []byte
	mime  string
	line  int
	inner bool // of an archive, where only what says so is a document
}

func (p part) at() *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Line: p.line + 1, Column: 1} }

// more counts a part and says whether it may be read.
func (r *reader) more(p part, depth int) bool {
	r.parts++
	r.left -= len(p.text)
	ok := depth <= maxDepth && r.parts <= maxParts && r.left >= 0
	if !ok && !r.full {
		r.full = true
		r.Refuse(p.at(), "user data: more than %d parts, %d levels or %d MiB; the rest is not read", maxParts, maxDepth, maxSize>>20)
	}
	return ok
}

// read opens a part.
func (r *reader) read(p part, depth int) {
	if !r.more(p, depth) {
		return
	}
	if packed(p.text) {
		r.unpack(p, depth)
		return
	}
	p.text = bytes.ReplaceAll(p.text, []byte("\r\n"), []byte("\n"))
	skipped := len(p.text) - len(bytes.TrimLeft(p.text, "\n"))
	p.text, p.line = p.text[skipped:], p.line+skipped
	first := firstLine(p.text)
	switch k, known := kindOf(p.text, p.mime); {
	case isMIME(string(p.text[:min(len(p.text), 4096)])):
		r.message(p, depth)
	case jinja.Header(first):
		r.template(p, depth)
	case known:
		k.read(r, p, depth)
	case !p.inner || p.mime == "text/cloud-config" || strings.HasPrefix(first, "#cloud-config"):
		r.left -= p.line
		r.documents = append(r.documents, append(bytes.Repeat([]byte("\n"), p.line), p.text...))
	case strings.TrimSpace(string(p.text)) != "":
		r.Note(p.at(), "user data: a part of a kind that is not known; it has no effect")
	}
}

func (r *reader) unpack(p part, depth int) {
	inner, ok := fromBase64(p.text)
	if bytes.HasPrefix(p.text, gzipMagic) {
		inner, ok = gunzipped(p.text, r.left)
	}
	if !ok {
		r.Refuse(p.at(), "user data: gzip that is damaged, or larger than %d MiB", maxSize>>20)
		return
	}
	r.read(part{inner, p.mime, p.line, p.inner}, depth+1)
}

func gunzipped(text []byte, limit int) ([]byte, bool) {
	zr, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, false
	}
	out, err := io.ReadAll(io.LimitReader(zr, int64(limit)+1))
	return out, err == nil && len(out) <= limit
}

// template renders a part, and reads what comes out.
func (r *reader) template(p part, depth int) {
	_, rest, _ := strings.Cut(string(p.text), "\n")
	text, faults := jinja.Render(rest, r.instance)
	for _, f := range faults {
		r.Note(part{line: p.line + f.Line}.at(), "template: %s; what needs it is left out", f.Message)
	}
	mime := p.mime
	if mime == "text/jinja2" {
		mime = ""
	}
	r.read(part{[]byte(text), mime, p.line + 1, p.inner}, depth+1)
}

// script appends a script to a list of commands.
func script(list string, once bool) func(*reader, part, int) {
	return func(r *reader, p part, _ int) {
		text := string(p.text)
		switch {
		case strings.Contains(text, jinja.Missing):
			r.Note(p.at(), "user data: the script is not run: its template needs instance data that this machine does not have")
		case command.Script(r.Draft, p.at(), text):
			if once {
				text = command.Once(text)
			}
			r.Append(draft.Text(p.at(), text), list)
		}
	}
}
