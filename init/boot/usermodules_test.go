package boot

import (
	"os"
	"strings"
	"testing"

	"github.com/proa-os/proa/init/modules"
)

// TestUserModules: parameters of a loaded module are set, or an error says why not; those of another module are passed
// when it is loaded.
func TestUserModules(t *testing.T) {
	m, f := machine(t, map[string]string{
		"modules/modules.dep":          "a.ko:\nb.ko:\nc.ko:\n",
		"modules/modules.builtin":      "kernel/d.ko\n",
		"proc-modules":                 "b 1 0 - Live 0x0\n",
		"sys/module/b/parameters/size": "1\n", "sys/module/b/parameters/fixed": "1\n", "sys/module/b/parameters/on": "N\n", "sys/module/d/parameters/say": "x\n",
	})
	if err := os.Chmod(m.Path("/sys/module/b/parameters/fixed"), 0o444); err != nil {
		t.Fatal(err)
	}
	x, err := modules.Open(m.Path("/modules"), f.LoadModule)
	if err != nil {
		t.Fatal(err)
	}
	x.Loaded(m.Path("/proc-modules"))
	m.Modules = x
	m.Config.Modules = []string{"a size=2", "b size=2 fixed=1 on", "d say=\"a b\"", "c"}
	want := "# user-modules\nmodule /modules/a.ko size=2\nwrite /sys/module/b/parameters/size 0644\nwrite /sys/module/b/parameters/on 0644\nwrite /sys/module/d/parameters/say 0644\nmodule /modules/c.ko\n"
	if got := calls(t, m, f, "user-modules"); got != want {
		t.Errorf("%s", got)
	}
	if f.Files["/sys/module/b/parameters/size"] != "2" || f.Files["/sys/module/b/parameters/on"] != "Y" || f.Files["/sys/module/d/parameters/say"] != "a b" {
		t.Errorf("%q", f.Files)
	}
	f.Calls = nil
	m.Config.Modules = []string{"b fixed=2", "b nosuch=1", "b size=3", "none x=1"}
	got := calls(t, m, f, "user-modules")
	for _, want := range []string{"module b is loaded already: its parameter fixed is read-only once the module is loaded", "module b is loaded already: it has no parameter nosuch", "none: no such module", "write /sys/module/b/parameters/size"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
