package decode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/proa-os/proa/config/rule"
)

// Plain converts what editors save to UTF-8 with line feeds: UTF-16, which Windows calls Unicode, with or without a
// byte order mark; CRLF and CR line ends. YAML 1.2, whose version directive the parser does not know, has no relevant
// difference.
func Plain(text []byte) []byte {
	if order := utf16Order(text); order != nil {
		text = fromUTF16(text, order)
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	return yamlVersion.ReplaceAll(text, []byte("%YAML 1.1"))
}

var yamlVersion = regexp.MustCompile(`(?m)^%YAML[ \t]+1\.[0-9]+`)

func utf16Order(text []byte) binary.ByteOrder {
	switch {
	case len(text) < 4:
		return nil
	case text[0] == 0xFF && text[1] == 0xFE, text[0] != 0 && text[1] == 0 && text[2] != 0 && text[3] == 0:
		return binary.LittleEndian
	case text[0] == 0xFE && text[1] == 0xFF, text[0] == 0 && text[1] != 0 && text[2] == 0 && text[3] != 0:
		return binary.BigEndian
	}
	return nil
}

func fromUTF16(text []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16(text[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// unreadable finds the first byte that is invalid in YAML: in another encoding than UTF-8, or a control character.
func unreadable(text string) (line, col int, msg string) {
	line, col = 1, 1
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return line, col, "not UTF-8 from here on; save the file as UTF-8"
		case r == '\n':
			line, col = line+1, 0
		case r == 0:
			return line, col, "a NUL byte: damaged, not a text, or in another encoding than UTF-8; save the file as UTF-8"
		case unicode.IsControl(r) && r != '\t' && r != 0x85:
			return line, col, fmt.Sprintf("a control character, U+%04X; remove it", r)
		}
		i, col = i+n, col+1
	}
	return 0, 0, ""
}

// indented finds the line nearest to the parser's position, at most two lines away, that is indented by other
// characters than spaces.
func indented(text string, near int) (line, col int, by rune) {
	best := 3
	for i, l := range strings.Split(text, "\n") {
		at := strings.IndexFunc(l[:indent(l)], func(r rune) bool { return r != ' ' })
		if away := max(i+1-near, near-i-1); at >= 0 && away < best {
			by, _ = utf8.DecodeRuneInString(l[at:])
			best, line, col = away, i+1, utf8.RuneCountInString(l[:at])+1
		}
	}
	return line, col, by
}

// indent returns the length in bytes of a line's leading white space.
func indent(line string) int { return len(line) - len(strings.TrimLeftFunc(line, rule.Invisible)) }

// spaced returns the text with leading tabs and no-break spaces replaced by spaces: two for a tab, one for a no-break
// space, as they look in most editors.
func spaced(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		if strings.TrimSpace(l) == "" {
			continue
		}
		by := strings.Map(func(r rune) rune {
			switch {
			case r == '\t':
				return r
			case unicode.IsSpace(r):
				return ' '
			}
			return -1 // has no width
		}, l[:indent(l)])
		lines[i] = strings.ReplaceAll(by, "\t", "  ") + l[indent(l):]
	}
	return strings.Join(lines, "")
}

var parserLine = regexp.MustCompile(`line (\d+): `)

// parserWords translates the parser's error to a position and a message. The parser's own text is not used, because it
// quotes the document.
func parserWords(text string, err error) (line, col int, msg string) {
	if line, col, msg = unreadable(text); line > 0 {
		return line, col, msg
	}
	said := err.Error()
	line = 1
	if m := parserLine.FindStringSubmatch(said); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	switch l, c, by := indented(text, line); {
	case by == '\t':
		return l, c, "not valid YAML: a tab; indent with spaces"
	case l > 0:
		return l, c, fmt.Sprintf("not valid YAML: an invisible character, U+%04X; indent with spaces", by)
	}
	if name := anchorName.FindStringSubmatch(said); name != nil {
		if before, _, found := strings.Cut(text, "*"+name[1]); found { // the parser does not report the position
			line = 1 + strings.Count(before, "\n")
		}
	}
	for _, p := range parserSays {
		if strings.Contains(said, p[0]) {
			return line, 1, "not valid YAML: " + p[1]
		}
	}
	return line, 1, "not valid YAML; look at quotes, brackets and indentation here and in the lines above"
}

var anchorName = regexp.MustCompile(`unknown anchor '(.*)' referenced`)

// parserSays maps errors of yaml.v3's scannerc.go, parserc.go and decode.go to messages for users.
var parserSays = [][2]string{
	{"unknown anchor", "a value that begins with * needs quotes"},
	{"found undefined tag handle", "a value that begins with ! needs quotes"},
	{"did not find expected tag URI", "a value that begins with ! needs quotes"},
	{"did not find URI escaped octet", "a value that begins with ! needs quotes"},
	{"expected whitespace or line break", "a value that begins with ! needs quotes"},
	{"did not find expected '!'", "a value that begins with ! needs quotes"},
	{"did not find expected alphabetic or numeric character", "a value that begins with & or * needs quotes"},
	{"found character that cannot start any token", "a value that begins with @, ` or % needs quotes"},
	{"found unexpected end of stream", "a quote is opened and never closed"},
	{"found unexpected document indicator", "a quote is opened and never closed"},
	{"found unknown escape character", "a backslash within double quotes; single quotes take it as it is"},
	{"expected hexdecimal number", "a backslash within double quotes; single quotes take it as it is"},
	{"invalid Unicode character escape", "a backslash within double quotes; single quotes take it as it is"},
	{"expected ',' or ']'", "a comma or a closing ] is missing, or a value with special characters needs quotes"},
	{"expected ',' or '}'", "a comma or a closing } is missing, or a value with special characters needs quotes"},
	{"mapping values are not allowed", "two colons in one line, or wrong indentation; a value that holds a colon and a space needs quotes"},
	{"block sequence entries are not allowed", "a - where no list can begin; give it a line of its own"},
	{"could not find expected ':'", "neither key: value nor an entry of a list; or an indentation that does not fit the lines above"},
	{"expected '-' indicator", "neither an entry of the list above nor a key; look at the indentation"},
	{"did not find expected key", "an indentation that does not fit the lines above, or a quote or bracket that is not closed"},
	{"expected node content", "a value is missing"},
	{"expected comment or line break", "nothing may follow | or > in its line"},
	{"exceeded max depth", "nested too deeply"},
	{"directive", "a value or key that begins with % needs quotes"},
}
