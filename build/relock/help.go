package relock

// Help is the long help text.
const Help = `
It asks the mirror that the host's apt is configured with (or PROA_MIRROR and PROA_SECURITY_MIRROR) for the
newest packages of Debian trixie, with its updates and security updates, and writes build/pin/debian.lock.
Commit the file. An architecture whose package lists the mirror is just updating keeps its packages. A build uses exactly the locked versions as long as the mirror has them; after that it takes the
newest and says so, unless --locked is given.

  proa lock`
