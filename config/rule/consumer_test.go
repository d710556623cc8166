package rule

import (
	"strings"
	"testing"
)

// TestWhatTheConsumerRefuses: values that are well-formed and that the kernel, the API server, the kubelet or nobody would take. One of them
// costs a route, a file or the whole cluster, long after the check said that there are no problems.
func TestWhatTheConsumerRefuses(t *testing.T) {
	for _, c := range []struct {
		word       string
		good, evil []string
	}{
		{"hop", []string{"192.168.1.1", "fe80::1"}, []string{"fe80::1%eth0", "0.0.0.0", "224.0.0.1", "127.0.0.1"}},
		{"ifaddress", []string{"192.168.1.20/24", "10.0.0.1/32", "fd00::2/64"}, []string{"0.0.0.0/0", "224.0.0.1/24", "127.0.0.2/8", "::/64", "10.0.0.1"}},
		{"metric", []string{"0", "1024"}, []string{"-5", "99999999999"}},
		{"url", []string{"https://a:6443/", "https://[fd00::1]:6443"}, []string{"https://a:99999", "https://:6443", "https://a:x"}},
		{"password", []string{"fair: winds", "$6$rounds=1000$abcd$YzKDp2z/HLq4", "*", "!", "!$6$a$b", strings.Repeat("x", 100)}, []string{"$6$a:b", "$6$a b", "a\nb", strings.Repeat("x", 101), "!$6$a:0:"}},
		{"nodename", []string{"a.example.org"}, []string{"a.example.org."}},
		{"path", []string{"/etc/a b"}, []string{"/etc/a\x00b", "/etc/a\nb"}},
		{"writable", []string{"/etc/rancher/k3s/registries.yaml", "/etc/motd", "/var/lib/rancher/k3s/server/manifests/a.yaml", "/etc/hosts", "/etc/modules.txt"},
			[]string{"/etc", "/var", "/etc/hostname", "/run/proa/ssh/authorized_keys", "/var/lib/proa/held.json", "/etc/sysctl.d/90.conf", "/etc/modules",
				"/etc/ssh/sshd_config", "/var/lib/connman/default.config", "/etc/netplan/a.yaml", "/etc/systemd/system/a.service", "/etc/crontab",
				"/etc/passwd", "/etc/sudoers.d/90-ada", "/home/ada/.ssh/authorized_keys"}},
		{"flag", []string{"--cluster-cidr=10.42.0.0/16", "--cluster-cidr=10.0.0.0/8", "--cluster-cidr=fd00:42::/56", "--service-cidr=10.43.0.0/16", "--service-cidr=fd00:43::/112",
			"--node-ip=fd00::7", "--data-dir=/var/lib/other", "--write-kubeconfig=/root/k.yaml"},
			[]string{"--cluster-cidr=10.42.0.0/30", "--cluster-cidr=8.0.0.0/7", "--cluster-cidr=fd00::/32", "--service-cidr=10.0.0.0/8", "--service-cidr=10.0.0.0/30", "--service-cidr=fd00::/64",
				"--node-ip=127.0.0.1", "--node-ip=0.0.0.0", "--node-ip=fe80::1%eth0", "--advertise-address=0.0.0.0", "--data-dir=/usr/lib/x", "--write-kubeconfig=/usr/x", "--node-name=a."}},
	} {
		r, ok := Of(c.word)
		if !ok {
			t.Fatal(c.word)
		}
		for _, v := range c.good {
			if want := r.Judge(v); want != "" {
				t.Errorf("%s %q: want %s", c.word, v, want)
			}
		}
		for _, v := range c.evil {
			if r.Judge(v) == "" {
				t.Errorf("%s %q is taken", c.word, v)
			}
		}
	}
}
