package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	ctrapp "github.com/containerd/containerd/v2/cmd/ctr/app"
	"github.com/spf13/pflag"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // registers kubeconfig's auth plugins
	"k8s.io/component-base/cli"
	kubectlcmd "k8s.io/kubectl/pkg/cmd"

	"github.com/proa-os/proa/config/k3sflags"
	"github.com/proa-os/proa/k3s/check"
	"github.com/proa-os/proa/k3s/flags"
	"github.com/proa-os/proa/k3s/join"
	"github.com/proa-os/proa/k3s/notify"
	"github.com/proa-os/proa/k3s/runtime"
)

func server(args []string) error {
	config, n, err := start("server", args)
	if config == nil || err != nil {
		return err
	}
	s := runtime.New(config, n)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	onSignal(cancel, s.PowerOff)
	return s.Serve(ctx)
}

func agent(args []string) error {
	config, n, err := start("agent", args)
	if config == nil || err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	onSignal(cancel, func() {})
	return join.Run(ctx, config, n)
}

// start reads the configuration. nil and no error: help was requested and printed.
func start(verb string, args []string) (*flags.Config, *notify.Notifier, error) {
	n := notify.Take()
	config, warnings, err := flags.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return nil, nil, nil
	}
	if err != nil {
		n.Failed("config: %v", err)
		return nil, nil, err
	}
	for i, w := range warnings {
		n.Problem(fmt.Sprintf("config:%02d", i), "k3s configuration: "+w)
	}
	return config, n, nil
}

// lastResort ends the process in any case, a second before the supervisor would kill it.
const lastResort = k3sflags.StopGrace - time.Second

// onSignal stops on SIGTERM and SIGINT without stopping pods; SIGPWR says that the machine shuts down.
func onSignal(stop, powerOff func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGPWR)
	go func() {
		if <-signals == syscall.SIGPWR {
			powerOff()
		}
		stop()
		select {
		case <-signals: // a second signal does not block
		case <-time.After(lastResort):
		}
		os.Exit(1)
	}()
}

// kubectl uses this machine's cluster by default.
func kubectl(args []string) error {
	if os.Getenv("KUBECONFIG") == "" {
		os.Setenv("KUBECONFIG", ownKubeconfig(k3sflags.DataDir))
	}
	os.Args = append([]string{"kubectl"}, args...)
	if err := cli.RunNoErrOutput(kubectlcmd.NewDefaultKubectlCommand()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return nil
}

// ownKubeconfig returns the administrator's kubeconfig for use on this machine, with 127.0.0.1: the one for use from
// outside has an address, which a machine that changes its network loses.
func ownKubeconfig(dataDir string) string {
	own := filepath.Join(dataDir, "server", "cred", "admin.kubeconfig")
	if _, err := os.Stat(own); err == nil {
		return own
	}
	return k3sflags.KubeconfigFile
}

// ctr uses this machine's containerd and the namespace k8s.io by default.
func ctr(args []string) error {
	for name, value := range map[string]string{
		"CONTAINERD_ADDRESS":   k3sflags.ContainerdSocket,
		"CONTAINERD_NAMESPACE": "k8s.io",
	} {
		if os.Getenv(name) == "" {
			os.Setenv(name, value)
		}
	}
	return ctrapp.New().Run(context.Background(), append([]string{"ctr"}, args...))
}

func checkConfig([]string) error { return check.Run(os.Stdout) }
