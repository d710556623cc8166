// Package e2e boots the built images in QEMU and uses them as a user would: console, SSH, kubectl and power cuts. All
// checks of a machine are made through these.
//
// The tests run when PROA_E2E is set to "ci", to "full", or to the scope that a test names; the targets e2e* of the
// Makefile build the images first.
package e2e
