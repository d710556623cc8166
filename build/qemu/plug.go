package qemu

import "context"

// kernelStarts is U-Boot's last line.
const kernelStarts = "Starting kernel"

// plugNIC pulls the USB network adapter out when U-Boot has done with it, and plugs it in when the kernel looks after the bus, for every
// start of a kernel that comes so far: QEMU's controller tells a driver of no device that another has used before. The adapter has the
// port to itself; else QEMU puts a hub between, which nobody can pull out. Errors are not looked at: whoever waits for an address says
// that there is none.
func (vm *VM) plugNIC(ctx context.Context) {
	socket := vm.spec.qmpSocket()
	for mark := 0; ; mark = vm.Mark() {
		if _, err := vm.WaitLineAfter(ctx, mark, kernelStarts); err != nil {
			return // the machine is gone
		}
		mark = vm.Mark()
		_ = qmpWith(ctx, socket, "device_del", map[string]string{"id": "nic"})
		if _, err := vm.WaitLineAfter(ctx, mark, vm.spec.Tools.PlugAfter); err != nil {
			return
		}
		_ = qmpWith(ctx, socket, "device_add", map[string]string{"driver": vm.spec.Tools.NIC, "netdev": "n0", "id": "nic", "port": "1"})
	}
}
