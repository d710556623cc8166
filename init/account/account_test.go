package account

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
	"github.com/proa-os/proa/overlay"
)

func facts(ids IDs) Facts {
	return Facts{Base: NewBase(overlay.Passwd, overlay.Group, overlay.Shadow, overlay.Shells), IDs: ids,
		HomeOwner: func(home string) int { return map[string]int{"/home/old": 1042, "/home/thief": 65534}[home] },
		HasShell:  func(p string) bool { return p == "/bin/ash" }}
}

// told returns passwd, group and problems that a document comes to, without the rows of the system.
func told(t *testing.T, doc string, ids IDs) (passwd, group []string, s Set) {
	t.Helper()
	c, problems := config.Parse("c", []byte(doc))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	f := facts(ids)
	s = Make(c, f)
	return own(s.PasswdText(f.Base), overlay.Passwd), own(s.GroupText(), overlay.Group), s
}

func own(text, base string) (out []string) {
	for line := range strings.Lines(text) {
		if !strings.Contains(base, line) {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}

func TestMake(t *testing.T) {
	for _, c := range []struct {
		doc           string
		ids           string
		passwd, group []string
		problem       string
	}{
		{"", "", nil, nil, ""},
		{"users: [{name: ada, comment: Ada L., groups: [video, tty], shell: /bin/ash}, {name: eva}]", "",
			[]string{"ada:x:1000:1000:Ada L.:/home/ada:/bin/ash", "eva:x:1001:1001:eva:/home/eva:/bin/sh"},
			[]string{"tty:x:5:ada", "ada:x:1000:", "video:x:999:ada", "eva:x:1001:"}, ""},
		// numbers stay, and those of accounts that are gone are not given again
		{"users: [{name: eva}, {name: ada}, {name: ida}]", "user ada 1000\ngroup ada 1000\nuser gone 1001\ngroup gone 1001\nuser bad x\nnonsense\n",
			[]string{"eva:x:1002:1002:eva:/home/eva:/bin/sh", "ada:x:1000:1000:ada:/home/ada:/bin/sh", "ida:x:1003:1003:ida:/home/ida:/bin/sh"},
			[]string{"eva:x:1002:", "ada:x:1000:", "ida:x:1003:"}, ""},
		{"users: [{name: ada, uid: 1001}, {name: eva}]", "user eva 1001\n",
			[]string{"ada:x:1001:1001:ada:/home/ada:/bin/sh", "eva:x:1000:1000:eva:/home/eva:/bin/sh"}, []string{"ada:x:1001:", "eva:x:1000:"}, "eva had the uid 1001"},
		{"users: [{name: ada, uid: 7}, {name: eva, uid: 7}]", "",
			[]string{"ada:x:7:7:ada:/home/ada:/bin/sh", "eva:x:1000:1000:eva:/home/eva:/bin/sh"}, []string{"ada:x:7:", "eva:x:1000:"}, "the uid 7 belongs to ada"},
		// the number was forgotten, and the home has it
		{"users: [{name: new}, {name: old}, {name: thief}]", "",
			[]string{"new:x:1000:1000:new:/home/new:/bin/sh", "old:x:1042:1042:old:/home/old:/bin/sh", "thief:x:1001:1001:thief:/home/thief:/bin/sh"},
			[]string{"new:x:1000:", "old:x:1042:", "thief:x:1001:"}, ""},
		{"users: [{name: disk}, {name: nobody}]", "", nil, nil, "disk is an account or a group of the system"},
		{"users: [{name: root, uid: 5, groups: [kvm], shell: /bin/ash, comment: The captain}]", "",
			[]string{"root:x:0:0:The captain:/root:/bin/ash"}, []string{"kvm:x:36:root"}, "root has the number 0"},
		{"users: [{name: ada, shell: /bin/bash}]", "", []string{"ada:x:1000:1000:ada:/home/ada:/bin/sh"}, []string{"ada:x:1000:"}, "no shell /bin/bash"},
		{"users: [{name: ada, password: $y$j9T$a$b}]", "", []string{"ada:x:1000:1000:ada:/home/ada:/bin/sh"}, []string{"ada:x:1000:"}, "knows only hashes that begin with $6$"},
		{"{users: [{name: ada, password: $y$j9T$a$b}], ssh: {passwords: true}}", "", []string{"ada:x:1000:1000:ada:/home/ada:/bin/sh"}, []string{"ada:x:1000:"}, ""},
		{"users: [{name: ada, shell: /usr/sbin/nologin}]", "", []string{"ada:x:1000:1000:ada:/home/ada:/usr/sbin/nologin"}, []string{"ada:x:1000:"}, ""},
		{"users: [{name: ada}, {name: ada, groups: [video], uid: 9}]", "", []string{"ada:x:1000:1000:ada:/home/ada:/bin/sh"}, []string{"ada:x:1000:", "video:x:999:ada"}, "listed above"},
	} {
		passwd, group, s := told(t, c.doc, ParseIDs(c.ids))
		if !slices.Equal(passwd, c.passwd) || !slices.Equal(group, c.group) {
			t.Errorf("%s:\n%q\n%q", c.doc, passwd, group)
		}
		if all := strings.Join(s.Problems, "\n"); !strings.Contains(all, c.problem) || c.problem == "" && all != "" {
			t.Errorf("%s: problems %q", c.doc, all)
		}
		if again := Make(mustParse(t, c.doc), facts(s.IDs)); again.IDs.Text() != s.IDs.Text() || again.GroupText() != s.GroupText() {
			t.Errorf("%s: the next boot differs:\n%s%s", c.doc, s.IDs.Text(), again.IDs.Text())
		}
	}
}

func mustParse(t *testing.T, doc string) *config.Config {
	t.Helper()
	c, _ := config.Parse("c", []byte(doc))
	return c
}

// TestMany: the first accounts of a list without an end are made, and none shares a number.
func TestMany(t *testing.T) {
	c := config.Default()
	for i := range 500 {
		c.Users = append(c.Users, config.User{Name: fmt.Sprintf("u%d", i), Groups: []string{fmt.Sprintf("g%d", i)}})
	}
	s := Make(c, facts(IDs{}))
	seen := map[int]bool{}
	for _, a := range s.Accounts {
		if seen[a.UID] {
			t.Errorf("%s shares %d", a.Name, a.UID)
		}
		seen[a.UID] = true
	}
	if len(s.Accounts) != most+1 || len(s.Problems) != 500-most {
		t.Errorf("%d accounts, %d problems", len(s.Accounts), len(s.Problems))
	}
}

// TestPasswords: what lets nobody in is never an empty password, and hashes are taken as they are.
func TestPasswords(t *testing.T) {
	for password, want := range map[string]string{"": "*", "*": "*", "!": "*", "!!": "*", "!$6$abc$def": "*", "x": "*", "$6$abc$def": "$6$abc$def", "fair winds": "$6$rounds=100000$"} {
		c := config.Default()
		c.Users, c.SSH.Passwords = []config.User{{Name: "root", Password: password}}, true
		f := facts(IDs{})
		if got := Make(c, f).ShadowText(f.Base); !strings.HasPrefix(got, "root:"+want) || strings.Contains(got, "fair winds") || strings.Count(got, "root:") != 1 {
			t.Errorf("%q: %s", password, got)
		}
		key, login, root := Logins(c)
		if key || login != (want != "*") || root != login {
			t.Errorf("%q: logins %v %v %v", password, key, login, root)
		}
	}
}

// TestApply: the files and their order; an account that is gone loses its keys, one whose home cannot be made gets one in
// memory, and an unreadable list of numbers is not overwritten.
func TestApply(t *testing.T) {
	c := mustParse(t, "users: [{name: ada, admin: true}, {name: eva}]")
	keys := func(a Account) []string { return []string{"key of " + a.Name} }
	f := &sys.Fake{Fail: map[string]error{"own-dir /home/eva": fmt.Errorf("no space left on device")}}
	err, user := Apply(f, t.TempDir(), c, keys)
	if err != nil || user == nil || !strings.Contains(user.Error(), "users: eva: home /home/eva: no space left on device") {
		t.Errorf("%v, %v", err, user)
	}
	for file, want := range map[string]string{AdminsFile: "ada 1000\n", "/run/proa/ssh/keys/ada/authorized_keys": "key of ada\n", "/run/proa/home/eva/.proa-ssh/authorized_keys": "key of eva\n",
		idsFile: "group ada 1000\ngroup eva 1001\nuser ada 1000\nuser eva 1001\n"} {
		if f.Files[file] != want {
			t.Errorf("%s: %q", file, f.Files[file])
		}
	}
	if p := f.Files["/etc/passwd"]; !strings.Contains(p, "eva:x:1001:1001:eva:/run/proa/home/eva:/bin/sh\n") || !strings.HasSuffix(f.String(), "write /etc/passwd 0644\n") {
		t.Errorf("%s\n%s", p, f)
	}
}
