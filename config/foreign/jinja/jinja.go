// Package jinja renders the templates that user data of cloud-init may be: variables of instance data, filters, if, for
// and set, as in jinja2. It knows no macros, includes and blocks; what it cannot render is marked in the text, and the
// rest is rendered. Time and size of a text are bounded.
package jinja

import (
	"bytes"
	"fmt"
	"strings"
)

// Missing stands in a rendered text for a value that is not known. cloud-init uses the same word.
const Missing = "CI_MISSING_JINJA_VAR"

// Limits: of the text that is rendered, of the steps to render it, and of nesting.
const (
	maxSize  = 1 << 20
	maxSteps = 200_000
	maxDepth = 60
)

// Header says whether the first line of a text says that the text is a template.
func Header(first string) bool {
	word, kind, _ := strings.Cut(strings.ToLower(strings.TrimLeft(first, "# \t")), ":")
	return strings.HasPrefix(first, "##") && strings.TrimSpace(word) == "template" && strings.TrimSpace(kind) == "jinja"
}

// Fault is a part of a template that could not be rendered.
type Fault struct {
	Line    int
	Message string
}

// Render renders a text. A variable that does not exist is no fault; Missing stands for it.
func Render(text string, vars map[string]any) (string, []Fault) {
	p := &parser{tokens: tokens(text)}
	body := p.body(0)
	r := &renderer{scope: []map[string]any{vars}, left: maxSteps}
	r.nodes(body)
	return r.out.String(), append(p.faults, r.faults...)
}

// renderer is a rendering under way.
type renderer struct {
	out     bytes.Buffer
	scope   []map[string]any // the last one counts first
	left    int
	stopped bool
	faults  []Fault
}

// more counts a step and says whether it may be done.
func (r *renderer) more() bool {
	r.left--
	if !r.stopped && (r.left <= 0 || r.out.Len() > maxSize) {
		r.fault(1, "the template takes too long, or gives more than %d KiB; the rest is not rendered", maxSize>>10)
		r.stopped = true
	}
	return !r.stopped
}

// charged counts the steps that a value took to be made.
func (r *renderer) charged(v any, err error) (any, error) {
	switch v := v.(type) {
	case string:
		r.left -= len(v) / 1024
	case []any:
		r.left -= len(v) / 64
	}
	return v, err
}

func (r *renderer) fault(line int, format string, args ...any) {
	if len(r.faults) < 20 {
		r.faults = append(r.faults, Fault{line, fmt.Sprintf(format, args...)})
	}
}

func (r *renderer) nodes(list []node) {
	for _, n := range list {
		if !r.more() {
			return
		}
		n.render(r)
	}
}

// value evaluates an expression. One that cannot be evaluated is undefined.
func (r *renderer) value(e expr, line int) any {
	if e == nil {
		return undefined("expression")
	}
	v, err := e(r)
	if err != nil {
		r.fault(line, "%v", err)
		return undefined("expression")
	}
	return v
}

func (t text) render(r *renderer) { r.out.WriteString(string(t)) }

func (o output) render(r *renderer) {
	s := written(r.value(o.e, o.line))
	if r.out.Len()+len(s) <= maxSize+1 {
		r.out.WriteString(s)
	}
}

func (s set) render(r *renderer) { r.scope[len(r.scope)-1][s.name] = r.value(s.e, s.line) }

func (c choice) render(r *renderer) {
	for _, b := range c {
		if b.cond == nil || truth(r.value(b.cond, b.line)) {
			r.nodes(b.body)
			return
		}
	}
}

func (l loop) render(r *renderer) {
	items := elements(r.value(l.e, l.line))
	if len(items) == 0 {
		r.nodes(l.none)
		return
	}
	for i, item := range items {
		vars := map[string]any{"loop": map[string]any{"index": float64(i + 1), "index0": float64(i), "first": i == 0,
			"last": i == len(items)-1, "length": float64(len(items))}}
		for j, name := range l.names {
			vars[name] = item
			if parts := elements(item); len(l.names) > 1 {
				vars[name] = undefined(name)
				if j < len(parts) {
					vars[name] = parts[j]
				}
			}
		}
		r.scope = append(r.scope, vars)
		r.nodes(l.body)
		r.scope = r.scope[:len(r.scope)-1]
		if r.stopped {
			return
		}
	}
}
