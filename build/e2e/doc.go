// Package e2e boots the built images in QEMU and uses them as their owner would: over the console, SSH, kubectl and the power
// cord. It refuses to look inside: everything it knows about a machine, it has read there.
//
// The tests run when PROA_E2E is set, to "ci", to "full", or to the scope that a test names; the targets e2e* of the Makefile build the
// images first.
package e2e
