package flash

// Help is the long help of flash.
const Help = `
Without DEVICE it lists the removable disks. With it, it builds the image if need be, shows the disk and what is on it,
asks, writes, reads everything back from the medium, and puts the config.yaml into the boot partition. It never writes
to a disk that is mounted or otherwise in use. A regular file in place of DEVICE is written to like a disk of its size.
After Ctrl-C or an error the disk has no partition table; the same command again starts from the beginning.

  proa flash pc                                    which disks there are
  proa flash pc sdb --ssh-key ~/.ssh/id_ed25519.pub
  proa flash pc sdb --config my.yaml --yes
  proa flash rpi3 sdb --wifi Harbour --wifi-country DE    asks for the passphrase
  proa flash pc sdb --image proa-pc.img.zst        an image that was made before
  truncate -s 8G disk.img
  proa flash pc ./disk.img                         a disk for a virtual machine`

// IntoHelp is the long help of config-into.
const IntoHelp = `
IMAGE is a disk image of any board, or an ISO. The file is checked as the device checks it; problems are reported with file, line and
column. Without --config the key or the network is added to the config.yaml of the image. Use a copy of the image in out/: the next build
replaces the one there.

  proa config-into my.img --config my.yaml
  proa config-into my.img --ssh-key ~/.ssh/id_ed25519.pub
  proa config-into my.img --wifi Harbour --wifi-country DE --wifi-passphrase-file secret.txt
  proa config-into my.img --show`
