// Package tuning sets what a Kubernetes node needs of the kernel: sysctls (the table is config/nodekernel), rlimits and
// cgroups. It loads no modules. The user's sysctls are set later and take precedence.
package tuning

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/config/nodekernel"
	"github.com/proa-os/proa/init/sys"
)

// Sysctl sets one sysctl, by either spelling of its name (nodekernel.Path).
func Sysctl(s sys.Sys, key, value string) error {
	return s.WriteFile(filepath.Join("/proc/sys", nodekernel.Path(key)), []byte(value), 0o644)
}

// Node sets proa's own sysctls. One that the kernel does not have, a bridge's before there is one, is only logged.
func Node(s sys.Sys, logf func(string, ...any)) {
	for _, n := range nodekernel.Sysctls() {
		if err := Sysctl(s, n.Name, n.Value); err != nil {
			logf("sysctl %s: %v", n.Name, err)
		}
	}
}

// User sets the user's sysctls. One of an interface that is not there yet, because the network step makes it or gives it
// its name, is set by that step (init/netup/plan).
func User(s sys.Sys, c *config.Config) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(c.Sysctls)) {
		if err := Sysctl(s, key, c.Sysctls[key]); err != nil && !(errors.Is(err, os.ErrNotExist) && comes(c, key)) {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// comes says whether a sysctl is one of an interface that the configuration makes or names.
func comes(c *config.Config, key string) bool {
	parts := strings.Split(nodekernel.Path(key), "/") // net/ipv4/conf/NAME/what
	if len(parts) != 5 || parts[0] != "net" || parts[2] != "conf" && parts[2] != "neigh" {
		return false
	}
	i, is := c.Network.Interfaces[parts[3]]
	return is && (i.Made() || i.Rename)
}

// ServiceCgroup has one child per service.
const ServiceCgroup = "/sys/fs/cgroup/proa"

// Cgroups enables every controller below the root, and moves PID 1 into a leaf: a cgroup with enabled controllers must
// have no processes.
func Cgroups(s sys.Sys, root string, logf func(string, ...any)) error {
	const top = "/sys/fs/cgroup"
	leaf := ServiceCgroup + "/init"
	if err := s.MkdirAll(leaf, 0o755); err != nil {
		return err
	}
	if err := s.WriteFile(leaf+"/cgroup.procs", []byte("1"), 0o644); err != nil {
		return err
	}
	list, err := os.ReadFile(filepath.Join(root, top, "cgroup.controllers"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range []string{top, ServiceCgroup} {
		for _, c := range strings.Fields(string(list)) {
			if err := s.WriteFile(dir+"/cgroup.subtree_control", []byte("+"+c), 0o644); err != nil {
				errs = append(errs, fmt.Errorf("%s in %s: %w", c, dir, err))
			}
		}
	}
	// If a controller cannot be enabled its limits do not work, but the boot continues.
	if err := errors.Join(errs...); err != nil {
		logf("cgroups: %v", err)
	}
	return nil
}

// Rlimits sets PID 1's limits (setrlimit(2)), which its services inherit.
func Rlimits(s sys.Sys) error {
	var errs []error
	for _, l := range []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_NOFILE, 1 << 20},
		{unix.RLIMIT_NPROC, unix.RLIM_INFINITY},
		{unix.RLIMIT_MEMLOCK, unix.RLIM_INFINITY},
		{unix.RLIMIT_CORE, 0}, // no core dumps: one of the runtime would contain the cluster's keys
	} {
		errs = append(errs, s.SetRlimit(l.resource, l.value, l.value))
	}
	return errors.Join(errs...)
}
