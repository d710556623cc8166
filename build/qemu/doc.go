// Package qemu starts one virtual machine from an image and controls it: console lines, forwarded ports, the power
// button.
//
// It uses TCG unless told otherwise: QEMU's own default would use KVM if /dev/kvm can be opened, and that may still
// crash a kernel in its decompressor. It never writes to an image that was not opened for writing, see Copy. It does
// not know what runs in the guest.
package qemu
