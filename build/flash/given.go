package flash

import (
	"context"
	"fmt"
	"io"

	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/images/fat"
)

// given is the user's input for config.yaml: a complete text, or keys to add to the existing one.
type given struct {
	text *bootconfig.Text
	key  string
	wifi *bootconfig.WiFi
	done bool // the text is checked and complete
}

// given returns nil if the user gave nothing.
func (o Options) given(ctx context.Context, in io.Reader, ask secret) (*given, error) {
	var err error
	g := &given{}
	if o.SSHKey != "" {
		if g.key, err = bootconfig.PublicKey(o.SSHKey); err != nil {
			return nil, err
		}
	}
	if o.Config != "" {
		text, err := bootconfig.Load(o.Config)
		if err != nil {
			return nil, err
		}
		g.text = &text
	}
	if g.wifi, err = o.wifi(ctx, in, ask); err != nil {
		return nil, err
	}
	if *g == (given{}) {
		return nil, nil
	}
	return g, nil
}

// check prints the problems of a text and adds keys and networks.
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
	if g.wifi != nil {
		with, err := t.WithWiFi(*g.wifi)
		if err != nil {
			return err
		}
		t = with
	}
	g.text, g.done = &t, true
	return nil
}

// over returns the text for an image: the given one, or the image's own with the additions.
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
