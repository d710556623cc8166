package boot

import (
	"context"
	"errors"

	"github.com/proa-os/proa/images/layout"
	"github.com/proa-os/proa/init/slottrust"
	"github.com/proa-os/proa/init/sys"
)

// Running returns the machine for a command that runs beside PID 1.
func Running(s sys.Sys) (*Machine, error) {
	m := &Machine{Sys: s, Logf: func(string, ...any) {}, Trust: slottrust.Installed("")}
	err := readJSON(m.Path(Handover), &m.Found)
	return m, errors.Join(err, readCmdline(context.Background(), m))
}

// RootPartition returns the device of a slot's root on the disk that this system runs from.
func (m *Machine) RootPartition(s layout.Slot) (string, error) {
	part, err := m.sibling(layout.Root.Of(s))
	return m.Path("/dev/" + part), err
}
