package cloudinit_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
)

const (
	key1 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP one@example.org"
	key2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOuJPd227trH8vhG/5Z45BWE71qUrBV8w3PZq9vkbqD2 two@example.org"
)

func TestAccounts(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		users []config.User
		root  int // keys of root
		note  string
	}{
		"all": {"users:\n- name: ada\n  gecos: Ada L.\n  uid: '1001'\n  groups: adm, sudo\n  primary-group: staff\n  homedir: /home/a\n  shell: /bin/ash\n  lock-passwd: no\n  passwd: $6$x$y\n  ssh-authorized-keys:\n  - " + key1 + "\n",
			[]config.User{{Name: "ada", Comment: "Ada L.", UID: 1001, Groups: []string{"staff", "adm", "sudo"}, Home: "/home/a", Admin: true, Password: "$6$x$y", SSHAuthorizedKeys: []string{key1}}}, 0, ""},
		"locked":        {"users:\n- {name: ada, passwd: $6$x$y, sudo: false}\n", []config.User{{Name: "ada"}}, 0, "lock_passwd: false"},
		"clear":         {"users:\n- {name: ada, plain_text_passwd: 1234, lock_passwd: False}\n", []config.User{{Name: "ada", Password: "1234"}}, 0, ""},
		"sudo list":     {"users:\n- {name: ada, sudo: ['ALL=(ALL:ALL) NOPASSWD: ALL']}\n", []config.User{{Name: "ada", Admin: true}}, 0, ""},
		"one command":   {"users:\n- {name: ada, sudo: 'ALL=(ALL) NOPASSWD: /usr/bin/ls'}\n", []config.User{{Name: "ada"}}, 0, "single commands"},
		"doas":          {"users:\n- {name: ada, doas: [permit nopass ada]}\n", []config.User{{Name: "ada", Admin: true}}, 0, ""},
		"names":         {"users: [default, ada, [bob]]\nssh_authorized_keys: " + key1 + "\n", []config.User{{Name: "ada"}, {Name: "bob"}}, 1, "keys at the top of the document are root's"},
		"string":        {"users: ada,bob\n", []config.User{{Name: "ada"}, {Name: "bob"}}, 0, ""},
		"mapping":       {"users:\n  ada:\n    groups: [sudo]\n  bob:\n", []config.User{{Name: "ada", Groups: []string{"sudo"}, Admin: true}, {Name: "bob"}}, 0, ""},
		"root":          {"users:\n- name: root\n  ssh_authorized_keys: [" + key1 + ", " + key2 + "]\n", []config.User{{Name: "root"}}, 2, ""},
		"no import":     {"users:\n- {name: ada, ssh-import-id: None}\n", []config.User{{Name: "ada"}}, 0, ""},
		"shell":         {"users:\n- {name: ada, shell: /usr/sbin/nologin}\n- {name: bob, shell: /bin/zsh}\n", []config.User{{Name: "ada", Shell: "/bin/false"}, {Name: "bob"}}, 0, "the one shell"},
		"home":          {"users:\n- {name: ada, homedir: /srv2/a}\n", []config.User{{Name: "ada"}}, 0, "read-only"},
		"redirect":      {"users:\n- name: ada\n  ssh_redirect_user: true\n  ssh_authorized_keys: [" + key1 + "]\n", []config.User{{Name: "ada"}}, 0, "nobody logs in"},
		"snap":          {"users:\n- snapuser: a@example.org\n", nil, 0, "snapuser"},
		"groups":        {"groups:\n- docker\n- adm: [ada]\n- x: [nobody]\nusers: [ada]\n", []config.User{{Name: "ada", Groups: []string{"adm"}}}, 0, "without members"},
		"group mapping": {"users:\n- {name: ada, groups: {adm: null, video: null}}\n", []config.User{{Name: "ada", Groups: []string{"adm", "video"}}}, 0, ""},
		"chpasswd":      {"users:\n- name: ada\nchpasswd:\n  list: |\n    ada:secret\n    bob:R\n    root:$6$a$b\n", []config.User{{Name: "ada", Password: "secret"}, {Name: "root", Password: "$6$a$b"}}, 0, "random passwords"},
		"chpasswd users": {"chpasswd:\n  expire: false\n  users:\n  - {name: ubuntu, password: pw, type: text}\n  - {name: eve, password: pw2}\n  - {name: x, type: RANDOM}\n",
			[]config.User{{Name: "ubuntu", Admin: true, Password: "pw"}}, 0, "no account of this name"},
		"user":         {"user: ada\npassword: pw\nssh_authorized_keys: [" + key1 + "]\n", []config.User{{Name: "ada", Admin: true, Password: "pw", SSHAuthorizedKeys: []string{key1}}}, 1, ""},
		"closed root":  {"user: ada\ndisable_root: true\nssh_authorized_keys: [" + key1 + "]\n", []config.User{{Name: "ada", Admin: true, SSHAuthorizedKeys: []string{key1}}}, 0, ""},
		"only root":    {"disable_root: true\nssh_authorized_keys: [" + key1 + "]\n", nil, 1, "without a default account"},
		"password":     {"password: pw\n", []config.User{{Name: "root", Password: "pw"}}, 0, "root's"},
		"default user": {"system_info:\n  distro: debian\n  default_user: {name: pi, groups: sudo}\nssh-authorized-keys: [" + key1 + "]\n", []config.User{{Name: "pi", Groups: []string{"sudo"}, Admin: true, SSHAuthorizedKeys: []string{key1}}}, 1, "distro"},
		"installer": {"autoinstall:\n  version: 1\n  identity: {hostname: box, username: ada, password: $6$a$b, realname: A}\n  ssh: {install-server: true, authorized-keys: [" + key1 + "]}\n  late-commands: [x]\n  user-data:\n    users: [bob]\n    timezone: UTC\n",
			[]config.User{{Name: "ada", Comment: "A", Admin: true, Password: "$6$a$b", SSHAuthorizedKeys: []string{key1}}, {Name: "bob"}}, 0, "first_run_cmd"},
	} {
		t.Run(name, func(t *testing.T) {
			got, notes := sound(t, c.text)
			if !same(got.Users, c.users) {
				t.Errorf("got %+v\nwant %+v", got.Users, c.users)
			}
			if len(got.SSHAuthorizedKeys) != c.root {
				t.Errorf("root has %d keys, want %d", len(got.SSHAuthorizedKeys), c.root)
			}
			if !strings.Contains(notes, c.note) || c.note == "" && strings.Count(notes, "\n") > strings.Count(c.text, "bob") {
				t.Errorf("notes: %s\nwant %q", notes, c.note)
			}
			for _, secret := range []string{"$6$", "pw", "secret", "1234"} {
				if strings.Contains(notes, secret) {
					t.Errorf("a secret in %s", notes)
				}
			}
		})
	}
}

// same compares accounts. A root that has no settings is as good as none.
func same(got, want []config.User) bool {
	if len(got) == 0 && len(want) == 0 {
		return true
	}
	return reflect.DeepEqual(got, want)
}

// TestOneBadEntry: a key, a group or a number that is wrong costs neither the account nor its other keys.
func TestOneBadEntry(t *testing.T) {
	c, errors, _ := load("users:\n- name: ada\n  uid: none\n  groups: [Big Group, adm]\n  sudo: yes\n  ssh_authorized_keys:\n  - ssh-rsa AAAAbroken\n  - " + key1 + "\n- passwd: x\n")
	says(t, errors, "uid", "groups", "truncated", "without a name")
	if want := []config.User{{Name: "ada", Groups: []string{"adm"}, Admin: true, SSHAuthorizedKeys: []string{key1}}}; !reflect.DeepEqual(c.Users, want) {
		t.Errorf("%+v", c.Users)
	}
}

// TestNoSuchName: whoever brings a key and may become root gets in, whatever is wrong with the name.
func TestNoSuchName(t *testing.T) {
	c, errors, notes := load("users:\n- {name: Ada, sudo: true, ssh_authorized_keys: [" + key1 + "]}\n- {name: {{user}}, groups: [sudo], ssh_authorized_keys: [" + key1 + "]}\n- {name: a b, ssh_authorized_keys: [" + key2 + "]}\n")
	says(t, errors, "without a name", "users: name")
	says(t, notes, "small letters")
	if len(c.Users) != 1 || c.Users[0].Name != "ada" || len(c.Users[0].SSHAuthorizedKeys) != 1 || !reflect.DeepEqual(c.SSHAuthorizedKeys, []string{key1}) {
		t.Errorf("%+v %q", c.Users, c.SSHAuthorizedKeys)
	}
}

func TestPasswordLogin(t *testing.T) {
	for text, want := range map[string]bool{"ssh_pwauth: yes": true, "ssh_pwauth: 'True'": true, "ssh_pwauth: false": false, "ssh_pwauth: unchanged": false} {
		if c, _ := sound(t, text+"\n"); c.SSH.Passwords != want {
			t.Errorf("%s: %v", text, c.SSH.Passwords)
		}
	}
}
