// Package qemu starts one virtual machine from an image and talks to it: console lines, forwarded ports, the power button.
//
// It emulates unless told otherwise: a /dev/kvm that opens may still kill a kernel in its decompressor, and QEMU's own default
// would pick it. It never writes to an image it was not given for writing, see Copy. It does not know what runs inside.
package qemu
