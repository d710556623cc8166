// Package help has the help text of proa upgrade, and the path of the engine, for the command and for the services. It
// is apart from the engine, which stays out of the initramfs.
package help

// Program is the path of the engine in the root image (build/plan).
const Program = "/usr/libexec/proa/proa-upgrade"

// Service is the argument for the service that does what the configuration says.
const Service = "service"

// Cluster is the argument for the service that does what the cluster asks for.
const Cluster = "cluster"

// Text is what --help adds to the usage of check, fetch and apply.
const Text = `
A source is a URL or path of a .slot file, or of a release: its directory, or the file that has all of it. Without one it is
upgrade.source of the configuration; - is a host that runs proa push. check says what would be taken; fetch writes it to the slot
that does not run; apply also makes the next boot a trial of it, and restarts. The running slot is not touched, and Ctrl-C or a power
cut at any point leaves it bootable: the same command goes on where it was. After the restart the new slot has three tries to pass
its health check; if all of them fail, the machine falls back, and does not try that version again by itself.

Before the restart, apply has the new version open a copy of the cluster's datastore, unless upgrade.rehearsal is skip; what it
cannot read there ends the upgrade. The copy is kept until the next upgrade: proa upgrade restore-datastore.

  --again           also a version that was given up, or an older one
  --no-reboot       with apply: leave the restart to whoever comes next
  --skip-rehearsal  with apply: do not try it on a copy of the datastore first

Examples:
  proa upgrade check
  proa upgrade apply
  proa upgrade apply https://releases.example.org/proa/v1.3.0/proa-pc.slot
  proa upgrade fetch /media/stick/release && proa upgrade apply /media/stick/release --no-reboot
`

// RestoreText is the help of restore-datastore.
const RestoreText = `
Replaces the cluster's datastore by the snapshot from right before the last new version opened it, and restarts Kubernetes. What was
written to the cluster since is lost for it: objects that were created since are gone, those that were deleted are back, and volumes
are as they are now. It says how much that is. The replaced datastore is kept beside it (state.db.replaced) until the next time.
A fall-back does this by itself if upgrade.datastore is restore and the old version cannot use what the new one left.

  --yes  do not ask

Examples:
  proa upgrade restore-datastore
  proa upgrade restore-datastore --yes
`

// StatusText is the help of status and log.
const StatusText = `
status shows an upgrade that runs, or the last one. log shows all that are remembered: when, from where, and how each ended, one of
succeeded, aborted, rolled back or failed, with the reason, what each trial boot reached, and the last lines of the console of one
that was lost; and the versions that are not tried again by themselves.

  --json        for programs; with status: what runs, and the whole log

Examples:
  proa upgrade status
  proa upgrade log
  proa upgrade log --json
`
