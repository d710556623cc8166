package jinja

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// expr is an expression.
type expr func(*renderer) (any, error)

func never(*renderer) (any, error) { return false, nil }

var word = regexp.MustCompile(`^\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[0-9]+(?:\.[0-9]+)?|[A-Za-z_][A-Za-z0-9_]*|==|!=|<=|>=|[<>~+\-|.,()\[\]:])`)

// scanner reads the words of an expression.
type scanner struct {
	words []string
	depth int
}

var errExpression = errors.New("an expression that is not known here")

func parseExpr(s string) (expr, error) {
	sc := &scanner{}
	for strings.TrimSpace(s) != "" {
		m := word.FindStringSubmatch(s)
		if m == nil || len(sc.words) > 1000 {
			return nil, errExpression
		}
		sc.words = append(sc.words, m[1])
		s = s[len(m[0]):]
	}
	e, err := sc.or()
	if err == nil && len(sc.words) > 0 {
		err = errExpression
	}
	return e, err
}

func (s *scanner) peek() string {
	if len(s.words) == 0 {
		return ""
	}
	return s.words[0]
}

// take takes the next word if it is one of these.
func (s *scanner) take(words ...string) string {
	for _, w := range words {
		if s.peek() == w && w != "" {
			s.words = s.words[1:]
			return w
		}
	}
	return ""
}

func (s *scanner) or() (expr, error) {
	if s.depth++; s.depth > maxDepth {
		return nil, errExpression
	}
	defer func() { s.depth-- }()
	left, err := s.and()
	for err == nil && s.take("or") != "" {
		var right expr
		l := left
		if right, err = s.and(); err == nil {
			left = either(l, right, true)
		}
	}
	return left, err
}

func (s *scanner) and() (expr, error) {
	left, err := s.not()
	for err == nil && s.take("and") != "" {
		var right expr
		l := left
		if right, err = s.not(); err == nil {
			left = either(l, right, false)
		}
	}
	return left, err
}

// either returns the left value if its truth is stop, else the right one, as Python has it.
func either(left, right expr, stop bool) expr {
	return func(r *renderer) (any, error) {
		v, err := left(r)
		if err != nil || truth(v) == stop {
			return v, err
		}
		return right(r)
	}
}

func (s *scanner) not() (expr, error) {
	if s.take("not") == "" {
		return s.compare()
	}
	if s.depth++; s.depth > maxDepth {
		return nil, errExpression
	}
	defer func() { s.depth-- }()
	e, err := s.not()
	return negated(e), err
}

func negated(e expr) expr {
	return func(r *renderer) (any, error) {
		v, err := e(r)
		return !truth(v), err
	}
}

func (s *scanner) compare() (expr, error) {
	left, err := s.sum()
	for err == nil {
		switch op := s.take("==", "!=", "<", ">", "<=", ">=", "in", "not", "is"); op {
		case "":
			return left, nil
		case "is":
			left, err = s.test(left)
		case "not":
			if s.take("in") == "" {
				return nil, errExpression
			}
			left, err = s.pair(left, "in")
			left = negated(left)
		default:
			left, err = s.pair(left, op)
		}
	}
	return left, err
}

func (s *scanner) pair(left expr, op string) (expr, error) {
	right, err := s.sum()
	return func(r *renderer) (any, error) {
		a, err := left(r)
		if err != nil {
			return nil, err
		}
		b, err := right(r)
		if err != nil {
			return nil, err
		}
		return compared(a, b, op), nil
	}, err
}

// test is what follows is.
func (s *scanner) test(left expr) (expr, error) {
	not := s.take("not") != ""
	name := s.peek()
	t, ok := tests[name]
	if !ok {
		return nil, fmt.Errorf("a test that is not known here")
	}
	s.take(name)
	e := func(r *renderer) (any, error) {
		v, err := left(r)
		return t(v) != not, err
	}
	return e, nil
}

func (s *scanner) sum() (expr, error) {
	left, err := s.filtered()
	for err == nil {
		op := s.take("~", "+", "-")
		if op == "" {
			break
		}
		var right expr
		l := left
		if right, err = s.filtered(); err == nil {
			left = func(r *renderer) (any, error) {
				a, err := l(r)
				if err != nil {
					return nil, err
				}
				b, err := right(r)
				if err != nil {
					return nil, err
				}
				return r.charged(added(a, b, op))
			}
		}
	}
	return left, err
}

// filtered is a value with filters.
func (s *scanner) filtered() (expr, error) {
	left, err := s.postfix()
	for err == nil && s.take("|") != "" {
		name := s.peek()
		f, ok := filters[name]
		if !ok {
			return nil, errors.New("a filter that is not known here")
		}
		s.take(name)
		var args []expr
		if s.take("(") != "" {
			if args, err = s.list(")"); err != nil {
				return nil, err
			}
		}
		left = call(left, f, args)
	}
	return left, err
}

// call applies a function to a value and arguments.
func call(left expr, f func(any, []any) (any, error), args []expr) expr {
	return func(r *renderer) (any, error) {
		if !r.more() {
			return nil, errors.New("too many steps")
		}
		v, err := left(r)
		if err != nil {
			return nil, err
		}
		var values []any
		for _, a := range args {
			value, err := a(r)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
		}
		return r.charged(f(v, values))
	}
}

// list is values up to a closing bracket. A name and = before one are left out.
func (s *scanner) list(end string) (out []expr, err error) {
	for s.take(end) == "" {
		e, err := s.or()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		if s.take(",") == "" && s.peek() != end {
			return nil, errExpression
		}
	}
	return out, nil
}

// postfix is a value with attributes, indexes and calls of methods behind it.
func (s *scanner) postfix() (expr, error) {
	left, err := s.primary()
	for err == nil {
		switch s.take(".", "[") {
		case "":
			return left, nil
		case "[":
			var keys []expr
			if keys, err = s.list("]"); err != nil || len(keys) != 1 {
				return nil, errExpression
			}
			left = call(left, index, keys)
		default:
			left, err = s.attribute(left)
		}
	}
	return left, err
}

func (s *scanner) attribute(left expr) (expr, error) {
	name := s.peek()
	if name == "" || !identifier.MatchString(name) {
		return nil, errExpression
	}
	s.take(name)
	if s.take("(") == "" {
		return call(left, index, []expr{constant(name)}), nil
	}
	m, ok := methods[name]
	if !ok {
		return nil, errors.New("a method that is not known here")
	}
	args, err := s.list(")")
	return call(left, m, args), err
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func constant(v any) expr { return func(*renderer) (any, error) { return v, nil } }

var constants = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

func (s *scanner) primary() (expr, error) {
	w := s.peek()
	if w == "" {
		return nil, errExpression
	}
	s.words = s.words[1:]
	number, notNumber := strconv.ParseFloat(w, 64)
	value, isConstant := constants[w]
	switch {
	case w[0] == '"' || w[0] == '\'':
		return constant(unquoted(w)), nil
	case w == "-":
		e, err := s.primary()
		return call(e, func(v any, _ []any) (any, error) { n, _ := v.(float64); return -n, nil }, nil), err
	case notNumber == nil && !identifier.MatchString(w):
		return constant(number), nil
	case isConstant:
		return constant(value), nil
	case w == "(":
		e, err := s.or()
		if err == nil && s.take(")") == "" {
			err = errExpression
		}
		return e, err
	case w == "[":
		items, err := s.list("]")
		return call(constant(nil), func(_ any, items []any) (any, error) { return items, nil }, items), err
	case identifier.MatchString(w):
		return func(r *renderer) (any, error) { return r.variable(w), nil }, nil
	}
	return nil, errExpression
}

var escapes = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`, `\"`, `"`, `\'`, `'`)

func unquoted(w string) string { return escapes.Replace(w[1 : len(w)-1]) }
