package config

// User is an account besides root, or root itself. Accounts are made anew at every boot and when the configuration is
// applied: one that is no longer listed is gone, its home directory on the data partition stays.
type User struct {
	// Name of the account. root is the account that is always there.
	Name string `yaml:"name" check:"username,required" example:"ada"`

	// Comment is the name of the person, for /etc/passwd.
	Comment string `yaml:"comment" check:"gecos" example:"Ada L."`

	// UID of the account. 0: the next free one from 1000, which stays the same at every boot. It is not given to another
	// account when this one is gone.
	UID int `yaml:"uid" check:"uid" example:"1000"`

	// Groups of the account besides its own. Those that do not exist are made.
	Groups []string `yaml:"groups" check:"username" example:"video"`

	// Home directory. Empty: /home/NAME. It is made if it is missing, with mode 0700. The directories above it must be
	// root's.
	Home string `yaml:"home" check:"path" example:"/home/ada"`

	// Shell that a login starts. Empty, or one that this system does not have: /bin/sh. With /usr/sbin/nologin nobody logs
	// in.
	Shell string `yaml:"shell" check:"path" example:"/bin/sh"`

	// Admin lets the account run commands as root, with sudo and without a password.
	Admin bool `yaml:"admin" example:"true"`

	// Password as a hash of crypt(5), which begins with $, or in the clear. Empty, or a mark of passwd(1) such as ! or *: no
	// password. It is for the console, which knows $1$, $5$ and $6$, and for SSH if ssh.passwords permits that, which
	// knows $2b$, $y$ and the like too. Without a password of any account there is no login on the console.
	Password string `yaml:"password" check:"password,quoted" trim:"breaks" secret:"true" example:"$6$…"`

	// SSHAuthorizedKeys may log in to this account: keys, or where they are, as in the list at the top. Keys in
	// ~/.ssh/authorized_keys are not read.
	SSHAuthorizedKeys []string `yaml:"ssh_authorized_keys" check:"sshkey" example:"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrI9bLpDHxMWfjD0OTMwwHUnhcGE1ey4Yo/lfXoTLiP ada@example.org"`
}

// SSH has the settings of the SSH server.
type SSH struct {
	// Passwords permits logins with a password, of accounts that have one. Unset: only keys.
	Passwords bool `yaml:"passwords" example:"false"`
}
