package userdata

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"regexp"
	"strings"
)

var mimeHead = regexp.MustCompile(`(?i)^(?:From [^\n]*\n)?(?:[a-z][a-z0-9-]*:[^\n]*\n(?:[ \t]+[^\n]*\n)*)*?(?:mime-version:|content-type:\s*multipart/)`)

// isMIME says whether a text begins with the head of a MIME message.
func isMIME(text string) bool { return mimeHead.MatchString(strings.ReplaceAll(text, "\r\n", "\n")) }

// message opens a MIME message (RFC 2046), of several parts or of one.
func (r *reader) message(p part, depth int) {
	if depth > 0 && !r.more(p, depth) {
		return
	}
	header, body, lines := divide(p.text)
	kind, params, err := mime.ParseMediaType(header["content-type"])
	if err != nil {
		kind = ""
	}
	body, ok := decoded(body, header["content-transfer-encoding"])
	p = part{body, kind, p.line + lines, p.inner}
	switch boundary := params["boundary"]; {
	case !ok:
		r.Refuse(p.at(), "user data: a part that is not in the encoding that its head says")
	case strings.HasPrefix(kind, "multipart/") && boundary == "":
		r.Refuse(p.at(), "user data: a MIME archive without a boundary")
	case strings.HasPrefix(kind, "multipart/"):
		r.multipart(p, boundary, depth)
	default:
		r.read(p, depth+1)
	}
}

// divide splits a message into the fields of its head, by their names in small letters, and its body.
func divide(text []byte) (header map[string]string, body []byte, lines int) {
	header = map[string]string{}
	last := ""
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		name, value, isField := strings.Cut(string(line), ":")
		lines++
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			return header, rest, lines
		case line[0] == ' ' || line[0] == '\t':
			header[last] += " " + strings.TrimSpace(string(line))
		case isField:
			last = strings.ToLower(strings.TrimSpace(name))
			header[last] = strings.TrimSpace(value)
		}
		text = rest
	}
	return header, nil, lines
}

func decoded(body []byte, encoding string) ([]byte, bool) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(body)), ""))
		return raw, err == nil
	case "quoted-printable":
		raw, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		return raw, err == nil
	}
	return body, true
}

// multipart reads what is between the lines of a boundary.
func (r *reader) multipart(p part, boundary string, depth int) {
	var one []byte
	start, inside := 0, false
	for i, line := range bytes.SplitAfter(p.text, []byte("\n")) {
		mark := strings.TrimRight(string(line), " \t\r\n")
		if mark != "--"+boundary && mark != "--"+boundary+"--" {
			one = append(one, line...)
			continue
		}
		if inside {
			r.message(part{text: bytes.TrimSuffix(one, []byte("\n")), line: p.line + start, inner: true}, depth+1)
		}
		one, start, inside = nil, i+1, mark == "--"+boundary
	}
	if inside { // the last boundary is missing, as when the text was cut off
		r.message(part{text: one, line: p.line + start, inner: true}, depth+1)
	}
}
