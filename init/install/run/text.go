package run

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/proa-os/proa/config/yamlnode"
	"github.com/proa-os/proa/images/disks"
)

// without returns a document without the key install. Everything else, comments too, is kept. A text that is no
// document of ours is returned as it is.
func without(text []byte) []byte {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil || len(doc.Content) != 1 || yamlnode.Lookup(doc.Content[0], "install") == nil {
		return text
	}
	m := doc.Content[0]
	var rest []*yaml.Node
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value != "install" {
			rest = append(rest, m.Content[i], m.Content[i+1])
		}
	}
	if m.Content = rest; len(rest) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := yamlnode.Encode(&b, &doc); err != nil {
		return text
	}
	return b.Bytes()
}

// meter shows progress: in one line of a terminal, elsewhere a line for each tenth.
type meter struct {
	out   io.Writer
	live  bool
	step  string
	tenth int64
	drawn time.Time
	open  bool // a line of a terminal is not ended
}

func (m *meter) show(step string, done, total int64) {
	if step != m.step {
		m.end()
		m.step, m.tenth, m.drawn = step, -1, time.Time{}
	}
	line := fmt.Sprintf("%s: %s of %s, %d%%", step, disks.Bytes(done), disks.Bytes(total), done*100/max(total, 1))
	tenth := done * 10 / max(total, 1)
	switch {
	case m.live && time.Since(m.drawn) > time.Second/2:
		fmt.Fprintf(m.out, "\r%-60s", line)
		m.drawn, m.open = time.Now(), true
	case !m.live && tenth != m.tenth:
		fmt.Fprintln(m.out, line)
		m.tenth = tenth
	}
}

func (m *meter) end() {
	if m.open {
		fmt.Fprintln(m.out)
		m.open = false
	}
}
