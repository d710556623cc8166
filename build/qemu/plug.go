package qemu

import "context"

// U-Boot's first and last line.
const (
	bootLoaderStarts = "U-Boot 2"
	kernelStarts     = "Starting kernel"
)

// hideNIC unplugs the USB network adapter when U-Boot starts, before it scans the bus, and plugs it in when the kernel
// starts, before that scans: QEMU's controller does not show an adapter to a second driver. If it was plugged in during
// the scan, one in eight was lost. The adapter has a port of its own; otherwise QEMU would insert a hub, which cannot
// be unplugged. Errors are ignored: at the first start there is nothing to unplug, and a missing adapter is noticed by
// the test that waits for an address.
func (vm *VM) hideNIC(ctx context.Context) {
	socket := vm.spec.qmpSocket()
	for mark := 0; ; mark = vm.Mark() {
		if _, err := vm.WaitLineAfter(ctx, mark, bootLoaderStarts); err != nil {
			return // the machine has ended
		}
		mark = vm.Mark()
		_ = qmpWith(ctx, socket, "device_del", map[string]any{"id": "nic"})
		if _, err := vm.WaitLineAfter(ctx, mark, kernelStarts); err != nil {
			return
		}
		_ = qmpWith(ctx, socket, "device_add", map[string]any{"driver": vm.spec.Tools.NIC.Device, "netdev": "n0", "id": "nic", "port": "1"})
	}
}
