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

// tokens splits a template. Comments are left out. The first line feed behind a statement belongs to it, as cloud-init
// has it (trim_blocks); a - at an end of a tag takes all white space there.
func tokens(s string) (out []token) {
	line, trim := 1, false
	add := func(text string) {
		if trim {
			text = strings.TrimLeft(text, " \t\r\n")
		}
		out = append(out, token{'t', text, line})
	}
	for {
		i := opening(s)
		if i < 0 {
			add(s)
			return out
		}
		before, kind := s[:i], s[i+1]
		at := line + strings.Count(before, "\n")
		s = s[i+2:]
		end := closing(s, map[byte]string{'{': "}}", '%': "%}", '#': "#}"}[kind])
		inner := s[:min(end, len(s))]
		if strings.HasPrefix(inner, "-") {
			before = strings.TrimRight(before, " \t\r\n")
		}
		add(before)
		trim = strings.HasSuffix(inner, "-")
		line = at + strings.Count(inner, "\n")
		s = s[min(end+2, len(s)):]
		inner = strings.TrimSpace(strings.TrimSuffix(strings.TrimLeft(inner, "-+"), "-"))
		if kind == '%' && inner == "raw" {
			m := raw.FindStringIndex(s)
			if m == nil {
				m = []int{len(s), len(s)}
			}
			out = append(out, token{'t', s[:m[0]], at})
			line += strings.Count(s[:m[0]], "\n")
			s, inner, kind = s[m[1]:], "", '#'
		}
		switch kind {
		case '{':
			out = append(out, token{'e', inner, at})
		case '%':
			out = append(out, token{'s', inner, at})
		}
		if kind != '{' && !trim && strings.HasPrefix(s, "\n") {
			s, line = s[1:], line+1
		}
	}
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
