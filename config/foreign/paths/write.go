package paths

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/foreign/draft"
)

// Entry is a file that a foreign document writes. Parts that it does not have are nil.
type Entry struct {
	At                                         *yaml.Node // the entry
	Path, Content, Encoding, Owner, Permission *yaml.Node
	Append, Defer                              bool
}

// Write adds a file to write_files, or to what its content means here.
func Write(d *draft.Draft, e Entry) {
	file, ok := draft.String(e.Path)
	if file = strings.TrimSpace(file); !ok || file == "" {
		d.Refuse(e.At, "write_files: an entry without a path")
		return
	}
	content, encoding := encoded(d, e)
	text, err := decoded(content, encoding)
	if err != nil {
		d.Refuse(e.At, "write_files: the content is not what its encoding says; the file is not written")
		return
	}
	if File(d, file, text, e.at()) {
		return
	}
	d.Append(e.node(d, file, content, encoding), "write_files")
}

// at is the node that a message about the content points to.
func (e Entry) at() *yaml.Node {
	if e.Content != nil {
		return e.Content
	}
	return e.At
}

func (e Entry) node(d *draft.Draft, file, content, encoding string) *yaml.Node {
	out := draft.Map(e.At)
	draft.Put(out, draft.Text(e.Path, file), "path")
	draft.Put(out, draft.Text(e.at(), content), "content")
	if encoding != "" {
		draft.Put(out, draft.Text(e.at(), encoding), "encoding")
	}
	if owner, ok := draft.String(e.Owner); ok && owner != "" {
		draft.Put(out, draft.Text(e.Owner, owner), "owner")
	}
	if e.Permission != nil {
		if mode := Permissions(d, e.Permission); mode != "" {
			draft.Put(out, draft.Text(e.Permission, mode), "permissions")
		}
	}
	if e.Append {
		draft.Put(out, draft.Bool(e.At, true), "append")
	}
	if e.Defer {
		draft.Put(out, draft.Bool(e.At, true), "defer")
	}
	return out
}

// encoded returns the content as text and its encoding in the schema's words. What YAML has as !!binary is kept in
// base64, because it need not be text.
func encoded(d *draft.Draft, e Entry) (content, encoding string) {
	if e.Encoding != nil {
		encoding, _ = draft.String(e.Encoding)
		encoding = strings.ToLower(strings.TrimSpace(encoding))
	}
	if encoding == "text/plain" || encoding == "text" || encoding == "plain" {
		encoding = ""
	}
	if e.Content == nil {
		return "", ""
	}
	if n := draft.Resolved(e.Content); n.Kind == yaml.ScalarNode && n.ShortTag() == "!!binary" {
		raw, _ := draft.String(n) // false with text that is not base64, which decoded reports
		switch encoding {
		case "":
			return n.Value, "b64"
		case "gz", "gzip":
			return n.Value, "gz+b64"
		}
		return raw, encoding
	}
	content, ok := draft.String(e.Content)
	if !ok {
		d.Refuse(e.Content, "write_files: content: want text; use | below it for several lines")
	}
	return content, encoding
}

// maxText bounds what a few compressed lines can become for a translator. The schema's own limit is higher.
const maxText = 8 << 20

// decoded undoes an encoding. Unknown ones are left to the schema's check.
func decoded(content, encoding string) ([]byte, error) {
	raw := []byte(content)
	if strings.HasSuffix(encoding, "b64") || strings.HasSuffix(encoding, "base64") {
		var err error
		if raw, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), "")); err != nil {
			return nil, err
		}
	}
	if !strings.HasPrefix(encoding, "gz") {
		return raw, nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(zr, maxText))
}

// usualModes are the permissions that people give to files. A number without a leading zero that looks like one of
// them is octal, any other is decimal: no usual mode in decimal looks like another one in octal, which a test shows.
var usualModes = []int{0o400, 0o440, 0o444, 0o500, 0o550, 0o555, 0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o710, 0o711, 0o740,
	0o744, 0o750, 0o751, 0o754, 0o755, 0o770, 0o771, 0o774, 0o775, 0o777, 0o1777, 0o2755, 0o4755}

// Permissions returns the permissions in octal: of a string, which is octal; of a number with a leading zero, which is
// octal in YAML 1.1; of one without, where 644 and 420 are both taken for 0644. It returns "" and a note for what is
// none of these.
func Permissions(d *draft.Draft, n *yaml.Node) string {
	n = draft.Resolved(n)
	text, ok := draft.String(n)
	text = strings.TrimSpace(text)
	octal := strings.TrimPrefix(strings.TrimPrefix(text, "0o"), "0O")
	switch {
	case text == "" && ok:
		return ""
	case n.ShortTag() == "!!str" && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0, octal != text, strings.HasPrefix(text, "0"):
		return octal // which the schema checks
	}
	if mode, err := strconv.ParseInt(text, 8, 32); err == nil && slices.Contains(usualModes, int(mode)) {
		d.Note(n, "permissions: a number without quotes and leading zero, taken for octal; write \"0%s\"", text)
		return "0" + text
	}
	mode, err := strconv.Atoi(text)
	if err != nil || mode < 0 || mode > 0o7777 {
		d.Refuse(n, "permissions: want an octal number in quotes, such as \"0644\"")
		return ""
	}
	d.Note(n, "permissions: a decimal number, which is %#o in octal", mode)
	return fmt.Sprintf("%#o", mode)
}
