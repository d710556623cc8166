package environ

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/init/proc"
)

// TestLogin: a real shell that reads /etc/profile has exactly the values of the configuration, whatever is in them.
func TestLogin(t *testing.T) {
	vars := map[string]string{"PLAIN": "x", "EMPTY": "", "SPACES": "  a  b ", "QUOTED": `"q"`, "HALF": `"q`, "DOLLAR": "$HOME `id` $(id) \\n", "EQUALS": `a="b"`, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "UTF8": "Höhe"}
	profile, err := os.ReadFile("../../overlay/rootfs/etc/profile")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "environment")
	text := "# a comment\n\n1=2\n" + Login(vars)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(string(profile), LoginFile, file) + "\nenv -0\n"
	for _, shell := range [][]string{{"/bin/sh"}, {"busybox", "ash"}} {
		out, err := exec.Command(shell[0], append(shell[1:], "-c", script)...).CombinedOutput()
		if err != nil {
			t.Logf("%v: %v", shell, err)
			if shell[0] == "/bin/sh" {
				t.Fatalf("%s", out)
			}
			continue
		}
		have := strings.Split(string(out), "\x00")
		for name, value := range vars {
			if !slices.Contains(have, name+"="+value) {
				t.Errorf("%v: %s is not %q in %q", shell, name, value, have)
			}
		}
	}
}

func TestMerge(t *testing.T) {
	got := Merge([]string{"PATH=/bin", "HOME=/root"}, map[string]string{"PATH": "/opt", "A": ""})
	if !slices.Equal(got, []string{"HOME=/root", "A=", "PATH=/opt:/usr/sbin:/usr/bin:/sbin:/bin"}) {
		t.Errorf("%q", got)
	}
	if got := K3s(map[string]string{"PATH": "/bin:$PATH:"}, nil); got != "PATH=/bin:/usr/sbin:/usr/bin:/sbin\n" {
		t.Error(got)
	}
	if !slices.Contains(proc.Env(), "PATH="+defaultPath) {
		t.Error("there are two default paths")
	}
}

// TestK3s: with a proxy, the cluster's own networks are not asked through it; without one nothing is added.
func TestK3s(t *testing.T) {
	const own = "localhost,127.0.0.0/8,::1,10.42.0.0/16,10.43.0.0/16,.svc,.cluster.local"
	for _, c := range []struct {
		vars map[string]string
		args []string
		want string
	}{
		{map[string]string{"A": "b"}, nil, "A=b\n"},
		{nil, nil, ""},
		{map[string]string{"NO_PROXY": "x"}, nil, "NO_PROXY=x\n"},
		{map[string]string{"https_proxy": "p"}, nil, "NO_PROXY=" + own + "\nhttps_proxy=p\nno_proxy=" + own + "\n"},
		{map[string]string{"HTTP_PROXY": "p", "no_proxy": "x,y"}, nil, "HTTP_PROXY=p\nNO_PROXY=x,y," + own + "\nno_proxy=x,y," + own + "\n"},
		{map[string]string{"HTTP_PROXY": "p"}, []string{"--cluster-cidr=10.1.0.0/16,fd00::/56", "--cluster-domain=here"},
			"HTTP_PROXY=p\nNO_PROXY=localhost,127.0.0.0/8,::1,10.1.0.0/16,fd00::/56,10.43.0.0/16,.svc,.here\nno_proxy=localhost,127.0.0.0/8,::1,10.1.0.0/16,fd00::/56,10.43.0.0/16,.svc,.here\n"},
	} {
		if got := K3s(c.vars, c.args); got != c.want {
			t.Errorf("%v %v:\n%s", c.vars, c.args, got)
		}
	}
}

func TestRead(t *testing.T) {
	root := t.TempDir()
	if env, err := Read(root, "/f", []string{"A=1"}); err == nil || !slices.Equal(env, []string{"A=1"}) {
		t.Errorf("%q, %v", env, err)
	}
	os.WriteFile(root+"/f", []byte(K3s(map[string]string{"A": "2=3", "B": " "}, nil)), 0o600)
	if env, err := Read(root, "/f", []string{"A=1", "C=4"}); err != nil || !slices.Equal(env, []string{"C=4", "A=2=3", "B= "}) {
		t.Errorf("%q, %v", env, err)
	}
}
