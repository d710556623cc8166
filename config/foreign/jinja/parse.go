package jinja

import (
	"fmt"
	"regexp"
	"strings"
)

// node is a part of a template.
type node interface{ render(*renderer) }

type (
	text   string
	output struct {
		e    expr
		line int
	}
	set struct {
		name string
		e    expr
		line int
	}
	branch struct {
		cond expr // nil: else
		body []node
		line int
	}
	choice []branch
	loop   struct {
		names      []string
		e          expr
		body, none []node
		line       int
	}
)

// token is text, an expression {{ }}, or a statement {% %}.
type token struct {
	kind byte // t, e, s
	text string
	line int
}

var raw = regexp.MustCompile(`\{%-?\s*endraw\s*-?%\}`)

// lexer splits a template.
type lexer struct {
	rest string
	line int
	trim bool // white space at the beginning of rest is left out
	out  []token
}

// tokens splits a template. Comments are left out. The first line feed behind a statement belongs to it, as cloud-init
// has it (trim_blocks); a - at an end of a tag takes all white space there.
func tokens(s string) []token {
	l := &lexer{rest: s, line: 1}
	for l.tag() {
	}
	l.text(l.rest)
	return l.out
}

func (l *lexer) text(s string) {
	if l.trim {
		s = strings.TrimLeft(s, " \t\r\n")
	}
	l.out = append(l.out, token{'t', s, l.line})
}

// tag takes the text up to the next tag, and the tag; false if there is none.
func (l *lexer) tag() bool {
	i := opening(l.rest)
	if i < 0 {
		return false
	}
	before, kind := l.rest[:i], l.rest[i+1]
	at := l.line + strings.Count(before, "\n")
	inner := l.rest[i+2:]
	end := closing(inner, map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[kind])
	inner, l.rest = inner[:end], inner[min(end+2, len(inner)):]
	if strings.HasPrefix(inner, "-") {
		before = strings.TrimRight(before, " \t\r\n")
	}
	l.text(before)
	l.trim, l.line = strings.HasSuffix(inner, "-"), at+strings.Count(inner, "\n")
	inner = strings.TrimSpace(strings.TrimSuffix(strings.TrimLeft(inner, "-+"), "-"))
	switch {
	case kind == '%' && inner == "raw":
		l.raw(at)
	case kind == '%':
		l.out = append(l.out, token{'s', inner, at})
	case kind == '{':
		l.out = append(l.out, token{'e', inner, at})
	}
	if kind != '{' && !l.trim && strings.HasPrefix(l.rest, "\n") {
		l.rest, l.line = l.rest[1:], l.line+1
	}
	return true
}

// raw takes what is not to be rendered.
func (l *lexer) raw(at int) {
	m := raw.FindStringIndex(l.rest)
	if m == nil {
		m = []int{len(l.rest), len(l.rest)}
	}
	l.out = append(l.out, token{'t', l.rest[:m[0]], at})
	l.line += strings.Count(l.rest[:m[0]], "\n")
	l.rest = l.rest[m[1]:]
}

// opening finds the next tag.
func opening(s string) int {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '{' && (s[i+1] == '{' || s[i+1] == '%' || s[i+1] == '#') {
			return i
		}
	}
	return -1
}

// closing finds the end of a tag outside of quotes; the end of the text if there is none.
func closing(s, end string) int {
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case strings.HasPrefix(s[i:], end):
			return i
		case end != "#}" && (c == '"' || c == '\''):
			quote = c
		}
	}
	return len(s)
}

// parser makes nodes of tokens.
type parser struct {
	tokens []token
	faults []Fault
}

func (p *parser) fault(line int, format string, args ...any) {
	if len(p.faults) < 20 {
		p.faults = append(p.faults, Fault{line, fmt.Sprintf(format, args...)})
	}
}

// expr parses an expression; nil, and a fault, if it is none.
func (p *parser) expr(s string, line int) expr {
	e, err := parseExpr(s)
	if err != nil {
		p.fault(line, "%v", err)
		return nil
	}
	return e
}

// body parses nodes up to a statement that ends or divides the one around them, which it leaves.
func (p *parser) body(depth int) (out []node) {
	for len(p.tokens) > 0 {
		t := p.tokens[0]
		word, rest, _ := strings.Cut(t.text, " ")
		if t.kind == 's' && (strings.HasPrefix(word, "end") || word == "else" || word == "elif") {
			if depth > 0 {
				return out
			}
			p.tokens = p.tokens[1:]
			p.fault(t.line, "%s without its beginning", word)
			continue
		}
		p.tokens = p.tokens[1:]
		switch {
		case t.kind == 't':
			out = append(out, text(t.text))
		case t.kind == 'e':
			out = append(out, output{p.expr(t.text, t.line), t.line})
		case depth > maxDepth:
			p.fault(t.line, "nested too deeply")
		case word == "if":
			out = append(out, p.choice(rest, t.line, depth))
		case word == "for":
			out = append(out, p.loop(rest, t.line, depth))
		case word == "set" && strings.Contains(rest, "="):
			name, value, _ := strings.Cut(rest, "=")
			out = append(out, set{strings.TrimSpace(name), p.expr(value, t.line), t.line})
		default:
			p.fault(t.line, "a statement that is not known here; only if, for and set are")
		}
	}
	return out
}

// next takes the next token, which body has left.
func (p *parser) next() token {
	if len(p.tokens) == 0 {
		return token{}
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser) choice(cond string, line, depth int) (out choice) {
	e := p.expr(cond, line)
	if e == nil {
		e = never
	}
	for {
		out = append(out, branch{e, p.body(depth + 1), line})
		t := p.next()
		word, rest, _ := strings.Cut(t.text, " ")
		switch line = t.line; word {
		case "elif":
			if e = p.expr(rest, line); e == nil {
				e = never
			}
		case "else":
			e = nil
		default:
			return out
		}
	}
}

func (p *parser) loop(head string, line, depth int) loop {
	names, list, _ := strings.Cut(head, " in ")
	l := loop{line: line, e: p.expr(list, line)}
	for _, n := range strings.Split(names, ",") {
		l.names = append(l.names, strings.TrimSpace(n))
	}
	l.body = p.body(depth + 1)
	if t := p.next(); t.text == "else" {
		l.none = p.body(depth + 1)
		p.next()
	}
	return l
}
