package config

// Upgrade says where releases are, and what the machine does with them by itself. proa upgrade does everything by
// command, whatever is set here but Source, RedirectHosts and Bandwidth.
type Upgrade struct {
	// Source is where releases are: the URL of a repository, and of mirrors of it, of which the first that works is used;
	// or a directory such as that of a USB stick. proa upgrade uses it when it is given no other.
	Source []string `yaml:"source" check:"release" secret:"true" example:"https://releases.example.org/proa"`

	// RedirectHosts are hosts to which servers of Source may redirect, besides their own.
	RedirectHosts []string `yaml:"redirect_hosts" check:"domain" example:"storage.example.org"`

	// Automatic says what the machine does by itself every Interval: off: nothing; check: looks for a release and says so in
	// proa upgrade status; fetch: also writes it to the other slot; apply: also restarts for a trial of it, within Window.
	Automatic string `yaml:"automatic" default:"off" enum:"off,check,fetch,apply" example:"apply"`

	// Interval is the time between two looks, from 10m to 720h.
	Interval string `yaml:"interval" default:"6h" check:"interval" example:"24h"`

	// Jitter is how much later than Interval and the begin of Window a machine acts at most, up to 24h: each machine has its
	// own part of it, so that a fleet does not ask at once.
	Jitter string `yaml:"jitter" default:"30m" check:"jitter" example:"2h"`

	// Cluster permits the cluster that the machine is a node of to upgrade it: by the controller that obeys objects of the
	// kind Upgrade (docs/upgrade-cluster.md). A release must be signed all the same.
	Cluster bool `yaml:"cluster" example:"true"`

	// Bandwidth is what a transfer may take, in bytes a second, with k or M for thousands or millions. Empty: all there is.
	Bandwidth string `yaml:"bandwidth" check:"bandwidth" example:"500k"`

	// Peers has machines of the same site take releases from each other, so that one of them downloads for all
	// (docs/peers.md): this machine asks others on its own networks before it asks a server, and gives them what it has of
	// its slots, at most Bandwidth. It opens TCP port 24170 and UDP ports 24170 and 24171 to these networks.
	Peers bool `yaml:"peers" example:"true"`

	// Window is when the machine may restart for a trial.
	Window Window `yaml:"window"`

	// Rehearsal says whether a new version must first take over a copy of the cluster's datastore, before it is tried:
	// require: what it cannot read ends the upgrade, and the machine is not restarted; skip: it is tried at once.
	Rehearsal string `yaml:"rehearsal" default:"require" enum:"require,skip" example:"skip"`

	// Datastore is what a fall-back does with the cluster's datastore if the old version cannot read or write what the new
	// one left: keep: leaves it, so that nothing is lost, and says so; restore: restores the snapshot from before the new
	// version opened it, and says what is lost (docs/rehearsal.md). It counts as it is when a release is put on trial.
	Datastore string `yaml:"datastore" default:"keep" enum:"keep,restore" example:"restore"`

	// Reboot says who restarts the machine for a trial that was prepared by itself: window: the machine, within Window;
	// manual: whoever restarts it next.
	Reboot string `yaml:"reboot" default:"window" enum:"window,manual" example:"manual"`

	// Swap says when the trial of a release with the same kernel, initramfs and device trees begins without a restart of the
	// machine, so that pods keep running (docs/softswap.md): never; window: within Window; always. If it is not possible the
	// machine is restarted. A value other than never takes the memory of one more program, 14 MiB, from the next start of
	// k3s on.
	Swap string `yaml:"swap" default:"never" enum:"never,window,always" example:"always"`
}

// Swaps says whether soft swaps are permitted at some time.
func (u Upgrade) Swaps() bool { return u.Swap == "window" || u.Swap == "always" }

// Window is a time of the week. Without Start it is always.
type Window struct {
	// Days on which it begins. Without any: every day.
	Days []string `yaml:"days" check:"weekday" example:"sat"`

	// Start is the time of day at which it begins, such as 02:00.
	Start string `yaml:"start" check:"timeofday" example:"02:00"`

	// Length is how long it is, from 15m to 24h. It may go on after midnight.
	Length string `yaml:"length" default:"4h" check:"window" example:"2h"`

	// Timezone of Start, such as Europe/Berlin. Empty: that of the machine.
	Timezone string `yaml:"timezone" check:"timezone" example:"Europe/Berlin"`
}
