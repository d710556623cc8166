package qemu

import "context"

// U-Boot's first line and its last.
const (
	bootLoaderStarts = "U-Boot 2"
	kernelStarts     = "Starting kernel"
)

// hideNIC pulls the USB network adapter out when U-Boot starts, before it looks at the bus, and plugs it in when the kernel starts, before
// that looks: what U-Boot or another kernel has used, QEMU's controller shows to no one after. Plugged in while the kernel's driver looks
// at the bus, one in eight was lost. The adapter has the port to itself; else QEMU puts a hub between, which nobody can pull out. Errors
// are not looked at: the first start has nothing to pull out, and whoever waits for an address says that there is none.
func (vm *VM) hideNIC(ctx context.Context) {
	socket := vm.spec.qmpSocket()
	for mark := 0; ; mark = vm.Mark() {
		if _, err := vm.WaitLineAfter(ctx, mark, bootLoaderStarts); err != nil {
			return // the machine is gone
		}
		mark = vm.Mark()
		_ = qmpWith(ctx, socket, "device_del", map[string]any{"id": "nic"})
		if _, err := vm.WaitLineAfter(ctx, mark, kernelStarts); err != nil {
			return
		}
		_ = qmpWith(ctx, socket, "device_add", map[string]any{"driver": vm.spec.Tools.NIC.Device, "netdev": "n0", "id": "nic", "port": "1"})
	}
}
