package config

import (
	"slices"
	"testing"
)

// TestInstanceKeys: keys of the cloud's console and of the user's file are joined; a file of the machine's owner replaces
// both, and another instance's keys are not taken.
func TestInstanceKeys(t *testing.T) {
	const console, user, owner = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f c",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP8BAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f u", "github:owner"
	keys := func(name, key string) Source { return Document(name, []byte("ssh_authorized_keys: ["+key+"]\n")) }
	meta := func(name string) Source {
		return Document(name, []byte("instance-id: i-1\npublic-keys: ["+console+"]\n"))
	}
	for name, c := range map[string]struct {
		sources []Source
		want    []string
	}{
		"meta-data alone": {[]Source{meta("/s/ec2/meta-data")}, []string{console}},
		"both":            {[]Source{meta("/s/ec2/meta-data"), keys("/s/ec2/user-data", user)}, []string{user, console}},
		"twice":           {[]Source{meta("/s/ec2/meta-data"), keys("/s/ec2/user-data", console)}, []string{console}},
		"on the host":     {[]Source{meta("meta-data"), keys("user-data", user)}, []string{user, console}},
		"OpenStack": {[]Source{Document("/s/openstack/meta_data.json", []byte(`{"uuid": "1", "public_keys": {"mine": "`+console+`"}}`)), keys("/s/openstack/user_data", user)},
			[]string{user, console}},
		"others":    {[]Source{meta("/s/ec2/meta-data"), keys("/s/gce/user-data", user)}, []string{user}},
		"the owner": {[]Source{meta("/boot/meta-data"), keys("/boot/user-data", user), keys("/boot/config.yaml", owner)}, []string{owner}},
	} {
		l := Load(c.sources...)
		if got := l.Config.SSHAuthorizedKeys; !slices.Equal(got, c.want) || Errors(l.Problems) > 0 {
			t.Errorf("%s: %q, %v", name, got, l.Problems)
		}
	}
}
