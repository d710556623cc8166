package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/client"
	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins" // registers snapshotters, CRI and the other plugins
	"github.com/containerd/containerd/v2/cmd/containerd/server"
	"github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/version"
)

// PauseImage is the image of the pause container, which holds a pod's namespaces. Its name is pinned here and in
// k3s/images.yaml.
const PauseImage = "proa.local/pause:3.10.2"

// containerdTemplate is containerd's configuration, format 4, in which the addresses of servers are settings of their
// plugins. crun is the OCI runtime: in a comparison on the emulated pc it ran ten containers in 2.1 s where runc 1.1
// took 26 s, and used at most 3.0 MB where runc used 12.9 MB. cgroupfs: there is no systemd. Layers are synced before
// the metadata says that they are unpacked (sync_fs), since containerd never verifies them later; pulls do so only if
// they are not made by the transfer service. k3s/preload needs the path of a layer (upperdir_label). Container logs and
// shims have their paths under state, so that they outlive this process and are gone after a reboot.
const containerdTemplate = `version = 4
root = @root
state = @state
temp = @temp
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.internal.v1.restart",
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs"]
required_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.overlayfs"]

[plugins.'io.containerd.service.v1.diff-service']
  sync_fs = true

[plugins.'io.containerd.snapshotter.v1.overlayfs']
  upperdir_label = true

[plugins.'io.containerd.server.v1.grpc']
  address = @socket

[plugins.'io.containerd.server.v1.ttrpc']
  address = @ttrpc

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  use_local_image_pull = true
  image_pull_with_sync_fs = true
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = @pause
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = @certs
@auths
[plugins.'io.containerd.cri.v1.runtime']
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  device_ownership_from_security_context = false
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = [@cnibin]
    conf_dir = @cniconf
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "crun"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.crun.options]
        BinaryName = "crun"
        SystemdCgroup = false

[plugins.'io.containerd.nri.v1.nri']
  disable = true

[plugins.'io.containerd.grpc.v1.cri']
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
`

// ContainerdConfigFile is what containerd reads.
func (n Node) ContainerdConfigFile() string { return n.agent("etc/containerd/config.toml") }

// criEndpoint returns the URL of containerd's CRI services.
func (n Node) criEndpoint() string { return "unix://" + n.ContainerdSocket }

func (n Node) certs() string { return n.agent("etc/containerd/certs.d") }

func (n Node) containerdState() string { return filepath.Dir(n.ContainerdSocket) }

// containerdConfig has credentials if registries.yaml has them.
func (n Node) containerdConfig(auths string) string {
	return strings.NewReplacer(
		"@root", quote(n.agent("containerd")),
		"@state", quote(n.containerdState()),
		"@temp", quote(n.agent("containerd/tmp")),
		"@socket", quote(n.ContainerdSocket),
		"@ttrpc", quote(n.ContainerdSocket+".ttrpc"),
		"@pause", quote(PauseImage),
		"@auths", auths,
		"@certs", quote(n.certs()),
		"@cnibin", quote(n.CNIBinDir),
		"@cniconf", quote(n.agent("etc/cni/net.d")),
	).Replace(containerdTemplate)
}

// Containerd serves on its socket until the context ends. Shims keep running, and the next start reconnects to them.
func (n Node) Containerd(ctx context.Context) error {
	// Upstream's build sets the version from its git tag; go.sum pins that release.
	version.Version = strings.TrimSuffix(version.Version, "+unknown")
	c := &config.Config{Version: version.ConfigVersion}
	if err := config.LoadConfig(ctx, n.ContainerdConfigFile(), c); err != nil {
		return err
	}
	if err := server.CreateTopLevelDirectories(c); err != nil {
		return err
	}
	if err := n.tempMounts(); err != nil {
		return err
	}
	srv, err := server.New(ctx, c)
	if err != nil {
		return err
	}
	defer srv.Stop()
	if err := srv.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// tempMounts unmounts temporary mounts of an unpack that was interrupted when the process was killed.
func (n Node) tempMounts() error {
	dir := n.agent("containerd/tmpmounts")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := mount.SetTempMountLocation(dir); err != nil {
		return err
	}
	_, err := mount.CleanupTempMounts(0)
	return err
}

// client connects to this containerd, in the namespace k8s.io.
func (n Node) client() (*client.Client, error) {
	return client.New(n.ContainerdSocket, client.WithDefaultNamespace("k8s.io"), client.WithTimeout(10*time.Second))
}

// ContainerdReady returns nil once the socket answers.
func (n Node) ContainerdReady(ctx context.Context) error {
	c, err := n.client()
	if err != nil {
		return err
	}
	defer c.Close()
	serving, err := c.IsServing(ctx)
	if err == nil && !serving {
		err = fmt.Errorf("not serving")
	}
	return err
}
