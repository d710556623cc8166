package remotekeys

import (
	"strings"
	"testing"

	"github.com/proa-os/proa/config"
	"github.com/proa-os/proa/init/sys"
)

// TestCovered: what is mounted on homes after the accounts were made gets homes and keys too; what is mounted elsewhere
// changes nothing.
func TestCovered(t *testing.T) {
	f := &sys.Fake{}
	k := Keeper{Sys: f, Root: t.TempDir(), Logf: t.Logf}
	k.Covered("/home") // before the accounts are made
	if f.Calls != nil {
		t.Errorf("calls:\n%s", f)
	}
	c, _ := config.Parse("c", []byte("users: [{name: ada}, {name: eva, home: /srv/people/eva}]\n"))
	if err := k.Accounts(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for path, again := range map[string]bool{"/home": true, "/home/ada": true, "/srv/people": true, "/srv/people/eva": true, "/srv/peop": false, "/mnt/photos": false, "/home/ada/x": false} {
		f.Calls = nil
		k.Covered(path)
		if got := strings.Contains(f.String(), "mount-in /run/proa/ssh/keys/ada /home/ada/.proa-ssh\n"); got != again {
			t.Errorf("%s: keys mounted again: %v", path, got)
		}
	}
}
