package bench

// Help is the long help text.
const Help = `
It builds the images and, from the same modules, the upstream programs; boots the disk image twice in QEMU, as it is
and with the programs instead of k3s; and prints sizes, times and memory side by side. Everything lies in
out/BOARD/bench. It takes about an hour; run it on an otherwise idle host.

  proa bench pc`
