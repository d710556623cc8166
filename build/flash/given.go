package flash

import (
	"fmt"
	"io"

	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/images/fat"
)

// given is what the user gave for config.yaml: a whole text, or only a key for the text that is there.
type given struct {
	text *bootconfig.Text
	key  string
	done bool // the text is checked and has the key
}

// given is nil if the user gave nothing.
func (o Options) given() (*given, error) {
	if o.Config == "" && o.SSHKey == "" {
		return nil, nil
	}
	g := &given{}
	if o.SSHKey != "" {
		key, err := bootconfig.PublicKey(o.SSHKey)
		if err != nil {
			return nil, err
		}
		g.key = key
	}
	if o.Config != "" {
		text, err := bootconfig.Load(o.Config)
		if err != nil {
			return nil, err
		}
		g.text = &text
	}
	return g, nil
}

// check prints the problems of a text and adds the key.
func (g *given) check(t bootconfig.Text, out io.Writer, force bool) error {
	for _, p := range t.Problems {
		fmt.Fprintln(out, p)
	}
	if err := t.Refuse(force); err != nil {
		return err
	}
	if g.key != "" {
		with, err := t.WithKey(g.key)
		if err != nil {
			return err
		}
		t = with
	}
	g.text, g.done = &t, true
	return nil
}

// over is the text for an image: the given one, or the image's own with the key.
func (g *given) over(img fat.Image, size int64, out io.Writer, force bool) (bootconfig.Text, error) {
	if g.text == nil {
		own, err := bootconfig.Read(img, size)
		if err != nil {
			return own, err
		}
		g.text = &own
	}
	if !g.done {
		if err := g.check(*g.text, out, force); err != nil {
			return bootconfig.Text{}, err
		}
	}
	return *g.text, nil
}
