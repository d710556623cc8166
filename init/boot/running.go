package boot

import (
	"context"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/sys"
)

// Running returns the machine for a command that runs beside PID 1.
func Running(s sys.Sys) (*Machine, error) {
	m := &Machine{Sys: s, Logf: func(string, ...any) {}, Trust: slottrust.Installed("")}
	if err := readCmdline(context.Background(), m); err != nil {
		return nil, err
	}
	return m, readJSON(m.Path(handover), &m.Found)
}

// RootPartition returns the device of a slot's root on the disk that this system runs from.
func (m *Machine) RootPartition(s layout.Slot) (string, error) {
	part, err := m.sibling(layout.Root.Of(s))
	return m.Path("/dev/" + part), err
}
