package qemu

import (
	"context"
	"time"
)

// plugNIC plugs the USB network adapter in at every start of a kernel, for machines whose boot loader has used the bus before: QEMU's
// controller then tells the kernel of no device that was there already.
func (vm *VM) plugNIC(ctx context.Context) {
	socket, nic := vm.spec.qmpSocket(), map[string]string{"driver": vm.spec.Tools.NIC, "netdev": "n0", "id": "nic"}
	for mark, plugged := 0, false; ; plugged = true {
		if _, err := vm.WaitLineAfter(ctx, mark, vm.spec.Tools.PlugAfter); err != nil {
			return // the machine is gone
		}
		mark = vm.Mark()
		if plugged {
			_ = qmpWith(ctx, socket, "device_del", map[string]string{"id": "nic"})
			time.Sleep(time.Second) // the guest is asked, and has nothing against it
		}
		_ = qmpWith(ctx, socket, "device_add", nic) // whoever waits for an address says that there is none
	}
}
