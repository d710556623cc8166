package layout

// Names in the boot partition, and in a slot's own one, that all boot chains share. The names that belong to one chain
// are in its package, and images/chain lists them.
const (
	ConfigFile = "config.yaml" // the user's; on the ISO too
	KernelFile = "vmlinuz"
	InitrdFile = "initrd"
	DTBDir     = "dtb" // device trees of a slot, but for tryboot, whose firmware looks at the top

	slotsDir = "slots"
)

// Dir returns the directory of a slot's files in the boot partition that both slots share.
func (s Slot) Dir() string { return slotsDir + "/" + string(s) }

// Of returns the GPT name of a slot's partition: root-a. For Shared it is the role's own name.
func (r Role) Of(s Slot) string {
	if s == Shared {
		return string(r)
	}
	return string(r) + "-" + string(s)
}
