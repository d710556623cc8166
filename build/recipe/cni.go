package recipe

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/proa-os/proa/build/cnigen"
	"github.com/proa-os/proa/build/command"
)

// cniModule has the reference plugins; each is a program of its own.
const cniModule = "github.com/containernetworking/plugins"

// CNI is the multi-call CNI program. A program cannot be imported, so each plugin's sources are given a
// package name and an exported Main while compiling; nothing generated lies in the repository.
func CNI(arch string) Go {
	return Go{Package: "./k3s/cni", Arch: arch, Tags: []string{"cni"}, Overlay: cniOverlay}
}

func cniOverlay(ctx context.Context, k *Kit, tmp string) (map[string]string, error) {
	src, err := k.ModuleDir(ctx, cniModule)
	if err != nil {
		return nil, err
	}
	return cnigen.Overlay(src, k.Repo, tmp)
}

// ModuleDir is where the go command keeps the sources of a module, downloading them if need be.
func (k *Kit) ModuleDir(ctx context.Context, mod string) (string, error) {
	env, err := k.GoEnv(ctx)
	if err != nil {
		return "", err
	}
	version, err := command.Command{Dir: k.Repo, Env: env, Argv: []string{"go", "list", "-m", "-f", "{{.Version}}", mod}}.Run(ctx)
	if err != nil {
		return "", err
	}
	out, err := command.Command{Dir: k.Repo, Env: env, Argv: []string{"go", "mod", "download", "-json", mod + "@" + strings.TrimSpace(string(version))}}.Run(ctx)
	if err != nil {
		return "", err
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil || m.Dir == "" {
		return "", fmt.Errorf("go mod download %s: no directory (%v)", mod, err)
	}
	return m.Dir, nil
}
