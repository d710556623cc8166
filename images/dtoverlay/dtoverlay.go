// Package dtoverlay makes the device tree overlay that turns one device tree into another. It is for firmware that
// detects which of two chips it runs on and applies the matching overlay to the one tree it loads. It refuses trees
// that differ in more than property values: an overlay cannot remove nodes or properties, nor can it add nodes here;
// and trees that are equal.
package dtoverlay

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/u-root/u-root/pkg/dt"
)

// ErrSame is returned for two trees without a difference, whose overlay would be empty.
var ErrSame = errors.New("device trees: they are the same")

// Between returns the overlay (*.dtbo) that makes base into want.
func Between(base, want []byte) ([]byte, error) {
	from, err := dt.ReadFDT(bytes.NewReader(base))
	if err != nil {
		return nil, fmt.Errorf("device tree: %w", err)
	}
	to, err := dt.ReadFDT(bytes.NewReader(want))
	if err != nil {
		return nil, fmt.Errorf("device tree: %w", err)
	}
	var d difference
	if err := d.nodes("", from.RootNode, to.RootNode); err != nil {
		return nil, fmt.Errorf("device tree: %w", err)
	}
	if d.fragments == nil {
		return nil, ErrSame
	}
	var b bytes.Buffer
	overlay := dt.FDT{Header: dt.Header{Magic: dt.Magic, Version: 17, LastCompVersion: 16}, RootNode: &dt.Node{Children: d.fragments}}
	if _, err := overlay.Write(&b); err != nil {
		return nil, fmt.Errorf("device tree overlay: %w", err)
	}
	return b.Bytes(), nil
}

// difference collects one fragment per node that differs. Fragments name their targets by path, because labels would
// have to be resolved.
type difference struct{ fragments []*dt.Node }

func (d *difference) nodes(path string, from, to *dt.Node) error {
	changed, err := values(path, from, to)
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		d.fragments = append(d.fragments, &dt.Node{
			Name:       fmt.Sprintf("fragment@%d", len(d.fragments)),
			Properties: []dt.Property{{Name: "target-path", Value: append([]byte(or(path, "/")), 0)}},
			Children:   []*dt.Node{{Name: "__overlay__", Properties: changed}},
		})
	}
	if len(from.Children) != len(to.Children) {
		return fmt.Errorf("%s: %d nodes and %d", or(path, "/"), len(from.Children), len(to.Children))
	}
	for _, a := range from.Children {
		b, ok := to.LookupChildByName(a.Name)
		if !ok {
			return fmt.Errorf("%s/%s: only in one tree", path, a.Name)
		}
		if err := d.nodes(path+"/"+a.Name, a, b); err != nil {
			return err
		}
	}
	return nil
}

// values returns the properties of to that from lacks or that have another value there.
func values(path string, from, to *dt.Node) (changed []dt.Property, err error) {
	for _, p := range from.Properties {
		if _, ok := to.LookProperty(p.Name); !ok {
			return nil, fmt.Errorf("%s: an overlay cannot take %s away", or(path, "/"), p.Name)
		}
	}
	for _, p := range to.Properties {
		if was, ok := from.LookProperty(p.Name); !ok || !bytes.Equal(was.Value, p.Value) {
			changed = append(changed, p)
		}
	}
	return changed, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
