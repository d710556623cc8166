package config

// Swap says what memory that is not used may be moved to. It is the machine's; pods get none of it.
type Swap struct {
	// Zram is the size of a compressed swap device in memory, in percent of the memory. 0: none.
	Zram int `yaml:"zram" check:"percent" example:"50"`

	// File is the size of a swap file on the data partition, in MiB, at most half of what is free there. 0: none; a file
	// of an earlier configuration is removed. It wears out flash memory.
	File int `yaml:"file" check:"mebibytes" example:"1024"`
}

// Mount is a file system that is mounted at boot besides proa's own, before accounts and files are made. The boot waits
// half a minute for its device, not for a server; one that comes later is mounted then. nodev and nosuid are set unless
// Options say dev or suid. Nothing of the disk that proa runs from can be mounted.
type Mount struct {
	// Device is a block device, LABEL=…, UUID=…, PARTUUID=…, PARTLABEL=…, the source of a network file system, or a folder
	// for the option bind.
	Device string `yaml:"device" check:"mountsource,required" example:"LABEL=photos"`

	// Path is where it is mounted, below /mnt, /srv, /home, /opt or /var. It is made if it is missing.
	Path string `yaml:"path" check:"mountpoint,required" example:"/mnt/photos"`

	// Type of the file system. Empty: the kernel finds out.
	Type string `yaml:"type" check:"fstype" example:"ext4"`

	// Options as in fstab(5).
	Options []string `yaml:"options" check:"mountoption" secret:"true" example:"noatime"`
}

// PhoneHome tells a server that the machine is up.
type PhoneHome struct {
	// URL that gets a POST once the network is there: a form with the fields of Post. $INSTANCE_ID in it is replaced.
	URL string `yaml:"url" check:"anyurl,required" example:"https://example.org/up"`

	// Post are the fields: hostname, fqdn, instance_id (the machine id), and pub_key_NAME (ed25519, ecdsa, rsa) for the SSH
	// host keys, of which proa has ed25519. Empty: all.
	Post []string `yaml:"post" check:"phonefield" example:"hostname"`

	// Tries after which it gives up, with pauses from 1 s to 5 min.
	Tries int `yaml:"tries" default:"10" check:"tries"`
}

// Power says what happens once first_run_cmd and run_cmd have ended at the first boot, whether they succeeded or not. A
// live system, which would do it for ever, does not restart.
type Power struct {
	// Action is reboot or poweroff. Empty: the machine goes on.
	Action string `yaml:"action" enum:",reboot,poweroff" example:"reboot"`

	// Delay before it, in minutes.
	Delay int `yaml:"delay" check:"minutes"`

	// Message on the console before it.
	Message string `yaml:"message" check:"line" example:"done"`
}
