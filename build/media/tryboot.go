package media

import (
	"fmt"

	"github.com/proa-os/proa/images/dtoverlay"
	"github.com/proa-os/proa/images/tree"
)

// ownFirmware returns the firmware files in a slot's own partition.
func (p Parts) ownFirmware() ([]tree.Entry, error) {
	list, err := p.firmware(nil)
	if err != nil {
		return nil, err
	}
	trees, err := p.deviceTrees()
	if err != nil {
		return nil, err
	}
	for _, o := range p.Board.Tryboot.Overlays {
		from, err := trees[o.From].ReadAll()
		if err != nil {
			return nil, err
		}
		want, err := trees[o.Want].ReadAll()
		if err != nil {
			return nil, err
		}
		text, err := dtoverlay.Between(from, want)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.To, err)
		}
		list = append(list, tree.File(o.To, 0o644, tree.Bytes(text)))
	}
	return list, nil
}
