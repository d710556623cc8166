package netup

import (
	"errors"
	"os"

	"github.com/proa-os/proa/init/sys"
)

// linkSysctls are an interface's own, for those of "all" and "default" do not count for one that is there already. The kernel's defaults take
// every other address of a network along with the first, and no router's word once it forwards packets, as a node does.
func linkSysctls(name string) error {
	var errs []error
	for _, s := range [][2]string{
		{"ipv4/conf/" + name + "/promote_secondaries", "1"},
		{"ipv6/conf/" + name + "/accept_ra", "2"},
	} {
		err := sys.Linux{}.WriteFile("/proc/sys/net/"+s[0], []byte(s[1]), 0o644)
		if !errors.Is(err, os.ErrNotExist) { // the interface has gone meanwhile, or the kernel has no IPv6
			errs = append(errs, wrap(s[0], err))
		}
	}
	return errors.Join(errs...)
}
