//go:build cnideps

package cnigen

// The CNI plugins are compiled from sources that the go command does not see (recipe/cni.go). Their imports are
// repeated here, so that go.mod keeps them.
import (
	_ "github.com/containernetworking/cni/libcni"
	_ "github.com/containernetworking/cni/pkg/invoke"
	_ "github.com/containernetworking/cni/pkg/skel"
	_ "github.com/containernetworking/cni/pkg/types"
	_ "github.com/containernetworking/cni/pkg/version"
	_ "github.com/containernetworking/plugins/pkg/ip"
	_ "github.com/containernetworking/plugins/pkg/ipam"
	_ "github.com/containernetworking/plugins/pkg/link"
	_ "github.com/containernetworking/plugins/pkg/netlinksafe"
	_ "github.com/containernetworking/plugins/pkg/ns"
	_ "github.com/containernetworking/plugins/pkg/utils"
	_ "github.com/containernetworking/plugins/pkg/utils/sysctl"
	_ "github.com/containernetworking/plugins/plugins/ipam/host-local/backend/allocator"
	_ "github.com/containernetworking/plugins/plugins/ipam/host-local/backend/disk"
	_ "github.com/coreos/go-iptables/iptables"
	_ "github.com/godbus/dbus/v5"
	_ "github.com/mattn/go-shellwords"
	_ "github.com/networkplumbing/go-nft/nft"
	_ "github.com/vishvananda/netlink"
	_ "sigs.k8s.io/knftables"
)
