// Package help has the help text of proa install, for the command and for the installer.
package help

// Text is what --help adds to the usage.
const Text = `
Installs the system that was started from an ISO on a disk of this machine. Without flags it asks.

  --list             show the disks, what is on them, and why one cannot be used
  --device DISK      /dev/sda, or words: smallest, largest, first, nvme, sata, usb, model=TEXT, serial=TEXT, size>=100G
  --config FILE|-    config.yaml of the new system; without it that of the ISO
  --config-url URL   where that is
  --data keep|replace   what becomes of the data of a proa that is on the disk (default keep)
  --yes              do not ask
  --force            with --yes: overwrite a disk that has something on it
  --reboot, --power-off   once it is done

Examples:
  proa install
  proa install --list
  proa install --device 'smallest nvme' --yes --reboot
  proa install --device serial=S64DNF0R123456A --config edge.yaml --data replace --yes --force
`
