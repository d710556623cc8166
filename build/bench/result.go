package bench

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Side is one of the two that are compared.
type Side struct {
	Pods   int    `json:"pods"`
	Memory Memory `json:"memory"`
}

// Result has all measurements.
type Result struct {
	Host     Host   `json:"host"`
	Sizes    []Size `json:"sizes"`
	Times    []Time `json:"times"`
	Timeline []Step `json:"timeline"`
	Settle   string `json:"settle"` // time between the last pod's readiness and the measurement
	Idle     Memory `json:"idle"`   // the same machine without Kubernetes
	One      Side   `json:"one_process"`
	Separate Side   `json:"separate"`
}

// JSON returns the result as JSON.
func (r Result) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	return append(data, '\n'), err
}

// Table returns the result as Markdown for docs/figures.md.
func (r Result) Table() string {
	var b strings.Builder
	r.sizeTable(&b)
	r.timeTable(&b)
	r.memoryTable(&b)
	r.notes(&b)
	return b.String()
}

func (r Result) sizeTable(b *strings.Builder) {
	b.WriteString("| file | MiB | zstd MiB |\n|---|--:|--:|\n")
	for _, s := range r.Sizes {
		z := ""
		if s.Zstd > 0 {
			z = mib(s.Zstd / 1024)
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", s.Name, mib(s.Bytes/1024), z)
	}
}

func (r Result) timeTable(b *strings.Builder) {
	b.WriteString("\n| from power-on to | s |\n|---|--:|\n")
	for _, t := range r.Times {
		fmt.Fprintf(b, "| %s | %.1f |\n", t.Name, t.Seconds)
	}
	if len(r.Timeline) > 0 {
		s := slowest(r.Timeline)
		fmt.Fprintf(b, "\nThe kernel needed %.1f s to PID 1, whose slowest step was %s with %.1f s.\n",
			float64(r.Timeline[0].StartMs)/1000, s.Name, s.TookMs/1000)
	}
}

// memoryTable compares both sides, with the ratio that the runtime's goal is about.
func (r Result) memoryTable(b *strings.Builder) {
	var components []string
	for _, p := range programs() {
		if !p.helper {
			components = append(components, p.name)
		}
	}
	one, two := r.One.Memory, r.Separate.Memory
	b.WriteString("\n| memory, MiB | one process | separate | ratio |\n|---|--:|--:|--:|\n")
	row(b, "used by the machine (MemTotal − MemAvailable)", one.Used(), two.Used())
	row(b, "of that, more than without Kubernetes", one.Used()-r.Idle.Used(), two.Used()-r.Idle.Used())
	k3s, all := one.group("", named("k3s")), two.group("", named(components...))
	row(b, "components, RSS", k3s.RSS, all.RSS)
	row(b, "components, PSS", k3s.PSS, all.PSS)
	row(b, "components, anonymous", k3s.Anon, all.Anon)
	for _, name := range components {
		g := two.group(name, named(name))
		fmt.Fprintf(b, "| – %s, RSS / anonymous | | %s / %s | |\n", name, mib(g.RSS), mib(g.Anon))
	}
	for _, g := range []struct {
		name    string
		belongs func(Process) bool
	}{{"shims, PSS", isShim}, {"programs in pods, PSS", inPods}} {
		row(b, g.name, one.group("", g.belongs).PSS, two.group("", g.belongs).PSS)
	}
	fmt.Fprintf(b, "| pods running | %d | %d | |\n", r.One.Pods, r.Separate.Pods)
}

func row(b *strings.Builder, name string, one, two int64) {
	ratio := "–"
	if two > 0 {
		ratio = fmt.Sprintf("%.2f", float64(one)/float64(two))
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, mib(one), mib(two), ratio)
}

// mib formats KiB as MiB.
func mib(kib int64) string { return fmt.Sprintf("%.1f", float64(kib)/1024) }

// notes describes what is equal on both sides and what is not.
func (r Result) notes(b *strings.Builder) {
	fmt.Fprintf(b, `
Both sides: the same image, kernel, PID 1, container images, manifests and flags, in QEMU without hardware
acceleration (tcg, %d CPUs, %d MiB), read %s after the last pod became ready. The separate programs are
upstream's, unchanged, from the modules k3s is built from, with the same build flags, stripped; flannel's is a small
main over its packages. They run with Go's default GOGC, as shipped; k3s sets its own. Datastores: k3s kine with
SQLite, the separate side etcd, without TLS. Not counted among the components: shims, pods, PID 1, SSH, and on the
separate side its launcher. Host: %d × %s, load average %s at the start.
`, cpus, memory, r.Settle, r.Host.CPUs, r.Host.CPU, r.Host.Load)
}
