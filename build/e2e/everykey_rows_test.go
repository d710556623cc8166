package e2e

// look is a key of the schema, a command, and what that prints on a machine whose configuration has the key. Without a
// command, want is the package and the test that looks at the key's effect.
type look struct{ key, command, want string }

const (
	bonding = "cd /sys/class/net/bond0/bonding; cat "
	bridged = "cd /sys/class/net/br0/bridge; cat "
	node    = "kubectl get node edge-1 -o jsonpath="
	swaps   = "awk 'NR > 1 {print $1}' /proc/swaps"
	routes  = "ip -4 route show table 100 | grep -o "
	rule    = "ip rule | grep -o "
)

// onServer are keys of testdata/keys/server.yaml, onPlain and onAgent those of the other two.
var onServer = []look{
	{"hostname", "hostname; " + node + "'{.status.addresses[?(@.type==\"Hostname\")].address}'", "edge-1\nedge-1"},
	{"ssh_authorized_keys", "id -un", "root\n"},
	{"users[].name", "id -un ada", "ada\n"},
	{"users[].comment", "grep ^ada: /etc/passwd | cut -d: -f5", "Ada L.\n"},
	{"users[].uid", "id -u ada", "1234\n"},
	{"users[].groups", "id -Gn ada | grep -o video", "video\n"},
	{"users[].home", "stat -c '%U %a' /home/lovelace", "ada 700\n"},
	{"users[].shell", "grep ^ada: /etc/passwd | cut -d: -f7", "/bin/ash\n"},
	{"write_files[].path", "ls /etc/said", "/etc/said\n"},
	{"write_files[].content", "cat /etc/said", "hi\n"},
	{"write_files[].encoding", "cat /etc/said", "hi\n"},
	{"write_files[].owner", "stat -c %u:%g /etc/said", "7:8\n"},
	{"write_files[].permissions", "stat -c %a /etc/said", "640\n"},
	{"write_files[].append", "cat /var/lib/list", "one\nboot\nfirst\nrun\n"},
	{"write_files[].defer", "stat -c %U /opt/late", "ada\n"},
	{"environment", `tr '\0' '\n' < /proc/$(pidof k3s)/environ | grep GREETING; sh -lc 'echo $GREETING'`, "GREETING=a b\na b\n"},
	{"timezone", "date -d @0 +%z", "+0100\n"},
	{"ca_certs", "grep -c '%BODY%' /etc/ssl/certs/ca-certificates.crt", "1\n"},
	{"boot_cmd", "grep -c boot /var/lib/list", "1\n"},
	{"first_run_cmd", "grep -c first /var/lib/list", "1\n"},
	{"run_cmd", "grep -c run /var/lib/list", "1\n"},
	{"mounts[].device", "grep ' /mnt/memory ' /proc/mounts | cut -d' ' -f1", "tmpfs\n"},
	{"mounts[].path", "grep -c ' /mnt/memory ' /proc/mounts", "1\n"},
	{"mounts[].type", "grep ' /mnt/memory ' /proc/mounts | cut -d' ' -f3", "tmpfs\n"},
	{"mounts[].options", "grep ' /mnt/memory ' /proc/mounts | grep -o size=1024k", "size=1024k\n"},
	{"swap.zram", swaps + " | grep zram", "/dev/zram0\n"},
	{"swap.file", swaps + " | grep data", "/run/proa/data/swap\n"},
	{"phone_home.url", `grep -c "POST /up/$(cat /etc/machine-id) " /run/phoned`, "2\n"},
	{"phone_home.post", "grep -c '^hostname=edge-1$' /run/phoned", "2\n"},
	{"phone_home.tries", "grep -c POST /run/phoned", "2\n"},
	{"final_message", "", "build/e2e TestEveryKey"}, // on the console, see there
	{"modules", "cat /sys/class/net/dummy0/ifindex | wc -l", "1\n"},
	{"sysctls", "cat /proc/sys/vm/max_map_count", "262147\n"},
	{"ntp.servers", "cat /run/proa/ntp-servers", "192.0.2.123\n"},
	{"k3s.token", "grep -c '::server:fair-winds-1$' /var/lib/rancher/k3s/server/token", "1\n"},
	{"k3s.args", node + "'{.status.capacity.pods}'", "33"},
	{"k3s.labels", node + "'{.metadata.labels.dock}'", "north"},
	{"k3s.taints", node + "'{.spec.taints[?(@.key==\"tide\")].effect}'", "PreferNoSchedule"},
}

var onServerNetwork = []look{
	{"network.interfaces.NAME.match.name", "ip -4 -o addr | grep -o 'eth[0-9] *inet 192.0.2.201/32' | wc -l", "1\n"},
	{"network.interfaces.NAME.match.mac", "cat /sys/class/net/uplink/address", "52:54:00:12:34:56\n"},
	{"network.interfaces.NAME.match.driver", "basename $(readlink /sys/class/net/$(ls /sys/class/net/br0/brif)/device/driver)", "e1000e\n"},
	{"network.interfaces.NAME.rename", "ls /sys/class/net | grep -x -e left -e right", "left\nright\n"},
	{"network.interfaces.NAME.vlan.id", "grep -o 'VID: 20' /proc/net/vlan/vlan20", "VID: 20\n"},
	{"network.interfaces.NAME.vlan.link", "grep -o 'Device: bond0' /proc/net/vlan/vlan20", "Device: bond0\n"},
	{"network.interfaces.NAME.bond.members", bonding + "slaves", "left right\n"},
	{"network.interfaces.NAME.bond.mode", bonding + "mode ../../bond1/bonding/mode", "active-backup 1\n802.3ad 4\n"},
	{"network.interfaces.NAME.bond.primary", bonding + "active_slave", "right\n"},
	{"network.interfaces.NAME.bond.mii_monitor", bonding + "miimon", "200\n"},
	{"network.interfaces.NAME.bond.up_delay", bonding + "updelay", "400\n"},
	{"network.interfaces.NAME.bond.down_delay", bonding + "downdelay", "600\n"},
	{"network.interfaces.NAME.bond.lacp_rate", "cat /sys/class/net/bond1/bonding/lacp_rate", "fast 1\n"},
	{"network.interfaces.NAME.bond.hash_policy", "cat /sys/class/net/bond1/bonding/xmit_hash_policy", "layer3+4 1\n"},
	{"network.interfaces.NAME.bond.options", bonding + "num_grat_arp", "3\n"},
	{"network.interfaces.NAME.bridge.members", "ls /sys/class/net/br0/brif | wc -l", "1\n"},
	{"network.interfaces.NAME.bridge.stp", bridged + "stp_state", "0\n"},
	{"network.interfaces.NAME.bridge.forward_delay", bridged + "forward_delay", "400\n"},
	{"network.interfaces.NAME.bridge.hello_time", bridged + "hello_time", "100\n"},
	{"network.interfaces.NAME.bridge.max_age", bridged + "max_age", "1200\n"},
	{"network.interfaces.NAME.bridge.ageing", bridged + "ageing_time", "6000\n"},
	{"network.interfaces.NAME.bridge.priority", bridged + "priority", "4096\n"},
	{"network.interfaces.NAME.bridge.path_cost", "cat /sys/class/net/br0/brif/*/path_cost", "77\n"},
	{"network.interfaces.NAME.bridge.port_priority", "cat /sys/class/net/br0/brif/*/priority", "16\n"},
	{"network.interfaces.NAME.dummy", "ip -4 -o addr show dev spare | grep -o 192.0.2.65/26", "192.0.2.65/26\n"},
	{"network.interfaces.NAME.dhcp", "ip -4 -o addr show dev uplink | grep -o 10.0.2.15/24; ip -4 -o addr show dev br0 | wc -l", "10.0.2.15/24\n0\n"},
	{"network.interfaces.NAME.dhcp6", "", "init/netup TestDHCP6"}, // QEMU's network has no server that gives addresses
	{"network.interfaces.NAME.accept_ra", "cat /proc/sys/net/ipv6/conf/vlan20/accept_ra", "0\n"},
	{"network.interfaces.NAME.addresses", "ip -4 -o addr show dev bond0 | grep -o 198.51.100.7/24; ip -6 -o addr show dev vlan20 | grep -o 2001:db8::7/64", "198.51.100.7/24\n2001:db8::7/64\n"},
	{"network.interfaces.NAME.gateway", "ip -4 route show default | grep -o 'via 198.51.100.1 dev bond0'", "via 198.51.100.1 dev bond0\n"},
	{"network.interfaces.NAME.metric", "ip -4 route show default | grep -o 'metric 77'", "metric 77\n"},
	{"network.interfaces.NAME.dns", "grep ^nameserver /etc/resolv.conf | sed -n 2p", "nameserver 192.0.2.54\n"},
	{"network.interfaces.NAME.search", "grep -o quay.example.org /etc/resolv.conf", "quay.example.org\n"},
	{"network.interfaces.NAME.mtu", "cat /sys/class/net/vlan20/mtu", "1400\n"},
	{"network.interfaces.NAME.mac", "cat /sys/class/net/spare/address", "52:54:00:00:00:09\n"},
	{"network.interfaces.NAME.optional", "proa status | grep -o -w -e lost -e ghost | sort -u", "lost\n"},
	{"network.interfaces.NAME.routes[].to", routes + "^203.0.113.0/24", "203.0.113.0/24\n"},
	{"network.interfaces.NAME.routes[].via", routes + "'via 192.0.2.200'", "via 192.0.2.200\n"},
	{"network.interfaces.NAME.routes[].metric", routes + "'metric 7'", "metric 7\n"},
	{"network.interfaces.NAME.routes[].on_link", routes + "onlink", "onlink\n"},
	{"network.interfaces.NAME.routes[].source", routes + "'src 192.0.2.65'", "src 192.0.2.65\n"},
	{"network.interfaces.NAME.routes[].table", routes + "'dev spare'", "dev spare\n"},
	{"network.interfaces.NAME.routes[].type", "ip -4 route show | grep -o 'blackhole 203.0.113.128/25'", "blackhole 203.0.113.128/25\n"},
	{"network.interfaces.NAME.routes[].scope", "ip -4 route show | grep '^192.0.2.240/28' | grep -o 'scope link'", "scope link\n"},
	{"network.interfaces.NAME.routes[].mtu", "", "init/netup TestEveryKeyIsRead"}, // busybox does not print it
	{"network.rules[].from", rule + "'from 198.51.100.7'", "from 198.51.100.7\n"},
	{"network.rules[].to", rule + "'to 203.0.113.0/24'", "to 203.0.113.0/24\n"},
	{"network.rules[].table", rule + "'lookup 100'", "lookup 100\n"},
	{"network.rules[].priority", rule + "^1000:", "1000:\n"},
	{"network.rules[].mark", rule + "'fwmark 0x10'", "fwmark 0x10\n"},
	{"network.rules[].tos", rule + "'tos 16'", "tos 16\n"},
	{"network.wifi[].name", "", "build/e2e TestWiFi"},
	{"network.wifi[].passphrase", "", "build/e2e TestWiFi"},
	{"network.wifi[].hidden", "", "build/e2e TestWiFi"},
	{"network.wifi_country", "", "init/boot TestWiFi"},
	{"network.dns", "grep ^nameserver /etc/resolv.conf | sed -n 1p", "nameserver 192.0.2.53\n"},
	{"network.search", "grep -o -w lan /etc/resolv.conf", "lan\n"},
	{"network.firewall.allow", "nft list table inet proa | grep -o 'tcp dport 8080'", "tcp dport 8080\n"},
	{"network.firewall.inside", `nft list table inet proa | grep -o '"cali\*"' | sort -u`, "\"cali*\"\n"},
}

var onPlain = []look{
	{"config.url", "cat /proc/sys/vm/swappiness; proa status | grep -c refused || true", "33\n0\n"}, // nor is its first failure told any more
	{"config.sha256", "", "init/metadata TestSum"},
	{"network.firewall.enabled", "nft list tables | wc -l", "0\n"},
	{"k3s.enabled", "pidof k3s || echo none", "none\n"},
	{"power.action", "", "build/e2e TestEveryKeyPlain"},
	{"power.delay", "", "build/e2e TestEveryKeyPlain"},
	{"power.message", "", "build/e2e TestEveryKeyPlain"},
}

var onAgent = []look{
	{"k3s.role", "test -e /var/lib/rancher/k3s/server && echo server || echo agent", "agent\n"},
	{"k3s.server_url", "proa status | grep -o https://192.0.2.9:6443 | sort -u", "https://192.0.2.9:6443\n"},
}

// elsewhere are keys that need a machine of another kind, or another test's preparations.
var elsewhere = []look{
	{"version", "", "config TestProblems"},
	{"data_sources", "", "init/datasource TestPermitted"},
	{"users[].admin", "", "build/e2e TestEveryKey"},
	{"users[].password", "", "build/e2e TestEveryKey"},
	{"users[].ssh_authorized_keys", "", "build/e2e TestEveryKey"},
	{"ssh.passwords", "", "build/e2e TestEveryKey"},
	{"install.device", "", "build/e2e TestInstallSilent"},
	{"install.silent", "", "build/e2e TestInstallSilent"},
	{"install.force", "", "build/e2e TestInstallSilent"},
	{"install.data", "", "init/install/run TestSilent"},
	{"install.config_url", "", "init/install/run TestSilent"},
	{"install.power_off", "", "init/install/run TestSilent"},
	{"install.webhook", "", "init/install/run TestSilent"},
	{"health.deadline", "", "build/e2e TestLateTrial"},
	{"health.checks[].name", "", "build/e2e TestFallback"},
	{"health.checks[].http", "", "init/health/probe TestHTTP"},
	{"health.checks[].status", "", "init/health/probe TestHTTP"},
	{"health.checks[].tcp", "", "init/health/probe TestTCP"},
	{"health.checks[].command", "", "build/e2e TestFallback"},
	{"health.checks[].workload", "", "build/e2e TestReady"},
	{"health.checks[].timeout", "", "init/health/probe TestCommand"},
	{"health.checks[].interval", "", "init/health/probe TestWatch"},
	{"health.checks[].for", "", "init/health/probe TestWatch"},
	{"upgrade.source", "", "init/upgrade/verbs TestApply"},
	{"upgrade.redirect_hosts", "", "init/upgrade/verbs TestRedirectHosts"},
	{"upgrade.automatic", "", "init/upgrade/schedule TestNext"},
	{"upgrade.interval", "", "init/upgrade/schedule TestNext"},
	{"upgrade.jitter", "", "init/upgrade/schedule TestJitter"},
	{"upgrade.cluster", "", "init/upgrade/verbs TestCluster"},
	{"upgrade.bandwidth", "", "init/upgrade/verbs TestRate"},
	{"upgrade.peers", "", "init/upgrade/repository TestPeers"},
	{"upgrade.window.days", "", "init/upgrade/schedule TestWindow"},
	{"upgrade.window.start", "", "init/upgrade/schedule TestWindow"},
	{"upgrade.window.length", "", "init/upgrade/schedule TestWindow"},
	{"upgrade.window.timezone", "", "init/upgrade/schedule TestOf"},
	{"upgrade.rehearsal", "", "init/upgrade/verbs TestRehearsal"},
	{"upgrade.datastore", "", "init/upgrade/verbs TestRehearsal"},
	{"upgrade.reboot", "", "init/upgrade/schedule TestNext"},
	{"upgrade.swap", "", "build/e2e TestSoftSwap"},
}
