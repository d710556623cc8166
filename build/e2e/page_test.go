package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proa-os/proa/build/oracle"
	"github.com/proa-os/proa/build/pages"
	"github.com/proa-os/proa/build/qemu"
	"github.com/proa-os/proa/build/releasing"
)

// TestUpgradePage runs the lines of docs/upgrade.md that need a machine, in their order, against one that is a node of its
// own cluster; build/pages runs the others. The release is what the page's other lines would have made.
func TestUpgradePage(t *testing.T) {
	needs(t, "upgrade")
	if only := os.Getenv("PROA_UPGRADE"); only != "" && !strings.Contains(only, "pc-grub") {
		t.Skip("PROA_UPGRADE names other chains")
	}
	page, err := pages.Read("../../docs/upgrade.md")
	if err != nil {
		t.Fatal(err)
	}
	o := options{kind: "img", firmware: qemu.BIOS, cpus: 1, medium: qemu.Disk, memory: 3072, config: readyConfig}
	m := start(t, o)
	old := m.slot()
	site := released(t, m.spec.Dir, releasing.Options{}, old, newer(t, old, "v1.1.0"))
	desk := m.desk(page.YAML[1])
	server := m.served(site)
	m.untilGood(readyBudget)
	m.nodeReady()
	for _, l := range page.Lines {
		if !l.OnMachine {
			continue
		}
		mark := m.Mark()
		cmd := exec.Command("sh", "-c", strings.ReplaceAll(l.Text, pages.Server, server))
		cmd.Dir = m.spec.Dir // site is there
		cmd.Env = append(os.Environ(), "PATH="+desk+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		t.Logf("line %d: %s\n%s", l.Number, l.Text, out)
		if slot := restarts(l.Text); slot != "" { // the connection ends with the machine
			m.expectAfter(mark, "proa: up slot="+slot+" mode=disk ", 2*m.bootBudget())
			m.untilGood(readyBudget)
			m.nodeReady()
		} else if err != nil {
			t.Errorf("line %d: %s: %v", l.Number, l.Text, err)
		}
	}
	if out := m.run("proa upgrade log; proa slot", nil); !strings.Contains(out, "succeeded") || !strings.Contains(out, "rolled back") {
		t.Errorf("after all lines: %s", out)
	}
	m.off()
}

// restarts is the slot that runs after a line of the page that restarts the machine; empty: the line does not.
func restarts(line string) string {
	switch {
	case strings.Contains(line, "slot rollback"):
		return "a"
	case strings.Contains(line, "upgrade apply"):
		return "b"
	}
	return ""
}

// desk makes a folder with the reader's commands: ssh reaches the machine by the name that it has in the page, and go run
// ./build is this repository's. It writes the page's fleet.yaml, whose source nobody asks for.
func (m *machine) desk(fleet string) (bin string) {
	t := m.t
	t.Helper()
	bin = t.TempDir()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	proa := filepath.Join(bin, "proa")
	if out, err := exec.CommandContext(context.Background(), "go", "build", "-C", repo, "-o", proa, "./build").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	to := strings.TrimPrefix(m.sshCommand(), oracle.Tool(t, "ssh")+" ")
	for name, text := range map[string]string{
		filepath.Join(bin, "ssh"):               "#!/bin/sh\nexec " + oracle.Tool(t, "ssh") + " " + to + " -o HostName=127.0.0.1 \"$@\"\n",
		filepath.Join(bin, "go"):                "#!/bin/sh\nshift 2\nexec " + proa + " \"$@\"\n",
		filepath.Join(m.spec.Dir, "fleet.yaml"): fleet,
	} {
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}
