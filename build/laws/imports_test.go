package laws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/proa-os/proa/"

// importLaw forbids every package under From to depend, directly or through others, on a package under one of Never.
type importLaw struct {
	From   string
	Never  []string
	Reason string
}

// The law is about the whole dependency graph, not about import lines: a helper package must not smuggle Kubernetes into PID 1.
var importLaws = []importLaw{
	{"init", []string{module + "k3s", "k8s.io/", "github.com/containerd/containerd"}, "a kubelet panic must not be a kernel panic: PID 1 meets the runtime over a process boundary"},
	{"init/cli", []string{module + "init/upgrade/transport", module + "init/upgrade/verbs"}, "the engine is a program of its own: what it needs would be in every initramfs"},
	{"init/pid1", []string{module + "init/upgrade/transport", module + "init/upgrade/verbs"}, "the engine is a program of its own: what it needs would be in every initramfs"},
	{"init", []string{module + "build"}, "nothing on the device depends on the host tool"},
	{"k3s", []string{module + "init", module + "build"}, "the runtime must run under any init that speaks sd_notify"},
	{"k3s/flannel", []string{"k8s.io/kubernetes"}, "the benchmark runs it as a program of its own, which must weigh what flannel weighs"},
	{"k3s/pki", []string{"k8s.io/"}, "certificates are tested without compiling Kubernetes"},
	{"k3s/pki/ask", []string{module + "k3s/pki/issue"}, "a node asks a remote issuer with the same code, and has no authority's key"},
	{"k3s/bench/launch", []string{"k8s.io/", module + "k3s/runtime"}, "it stays in memory beside what the benchmark weighs"},
	{"images", []string{module}, "images is about bytes: board and config values are passed in"},
	{"boards", []string{module + "init", module + "k3s", module + "build", module + "config"}, "a board is data; only the layout, which it parametrises, is its business"},
	{"config", []string{module, "k8s.io/"}, "config says what the user may say, to host, init and runtime alike"},
	{"overlay", []string{module + "init", module + "k3s", module + "config"}, "overlay is plain files"},
	{"build", []string{"k8s.io/", "github.com/containerd/containerd/v2/client", module + "k3s", module + "init"}, "the host tool starts in a blink and compiles without Kubernetes"},
}

type listed struct {
	ImportPath   string
	Name         string
	Deps         []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportLaws(t *testing.T) {
	packages := goList(t)
	for _, law := range importLaws {
		t.Run(law.From, func(t *testing.T) {
			for _, p := range under(t, packages, law.From) {
				for _, dep := range p.Deps {
					if law.forbids(dep) {
						t.Errorf("%s depends on %s: %s", p.ImportPath, dep, law.Reason)
					}
				}
			}
		})
	}
}

// TestBenchIsNoPartOfTheRuntime: the benchmark asks the runtime for its flags, and nothing of the runtime knows that there is a benchmark.
func TestBenchIsNoPartOfTheRuntime(t *testing.T) {
	const bench = module + "k3s/bench/"
	for _, p := range under(t, goList(t), "k3s") {
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, bench) && !strings.HasPrefix(p.ImportPath, bench) {
				t.Errorf("%s depends on %s: it would be in what is measured", p.ImportPath, dep)
			}
		}
	}
}

// TestImagesAreValuesInBytesOut looks at direct imports only: the standard library's own use of randomness is its business.
func TestImagesAreValuesInBytesOut(t *testing.T) {
	for _, p := range under(t, goList(t), "images") {
		for _, dep := range p.Imports {
			switch dep {
			case "os/exec", "math/rand", "math/rand/v2", "crypto/rand":
				t.Errorf("%s imports %s: same input, same bytes; no foreign programs, no randomness", p.ImportPath, dep)
			}
		}
	}
}

// TestProgramsHaveNoTestSupport: what tests share lies in packages of its own, which import testing.
func TestProgramsHaveNoTestSupport(t *testing.T) {
	support := map[string]bool{}
	for _, p := range goList(t) {
		support[p.ImportPath] = slices.Contains(p.Imports, "testing")
	}
	for _, name := range []string{"images/golden", "init/fetch/fetchtest", "init/nettest", "init/upgrade/upgradetest"} {
		if !support[module+name] {
			t.Errorf("%s is not recognised as test support", name)
		}
	}
	for _, p := range goList(t) {
		for _, dep := range p.Deps {
			if p.Name == "main" && support[dep] {
				t.Errorf("the program %s contains %s, which is only for tests", p.ImportPath, dep)
			}
		}
	}
}

// TestKubernetesStaysUnderK3s looks at direct imports, so that the first wrong line is named and not its whole shadow.
func TestKubernetesStaysUnderK3s(t *testing.T) {
	for _, p := range goList(t) {
		if strings.HasPrefix(p.ImportPath, module+"k3s") {
			continue
		}
		for _, dep := range p.allImports() {
			if strings.HasPrefix(dep, "k8s.io/") {
				t.Errorf("%s imports %s: k8s.io belongs beneath k3s/ only, everything else must build in seconds", p.ImportPath, dep)
			}
		}
	}
}

func (l importLaw) forbids(dep string) bool {
	for _, never := range l.Never {
		if never == module && strings.HasPrefix(dep, module+l.From) {
			continue // a folder may import itself
		}
		if dep == strings.TrimSuffix(never, "/") || strings.HasPrefix(dep, strings.TrimSuffix(never, "/")+"/") {
			return true
		}
	}
	return false
}

func (p listed) allImports() []string {
	return append(append(append([]string{}, p.Imports...), p.TestImports...), p.XTestImports...)
}

func under(t *testing.T, packages []listed, folder string) []listed {
	t.Helper()
	var found []listed
	for _, p := range packages {
		if p.ImportPath == module+folder || strings.HasPrefix(p.ImportPath, module+folder+"/") {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		t.Errorf("no package lies below %s: its laws hold for nothing", folder)
	}
	return found
}

// goList returns the packages of the module.
func goList(t *testing.T) []listed {
	t.Helper()
	packages, err := listing()
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// listing asks the go command once for all tests, which takes seconds. It reads imports without compiling anything.
var listing = sync.OnceValues(func() (packages []listed, err error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Name,Deps,Imports,TestImports,XTestImports", module+"...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list -json: %w", err)
		}
		packages = append(packages, p)
	}
})
