package bench

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// memoryScript prints the machine's memory and that of every process. It runs in the node's shell; kernel threads have
// no exe and are omitted.
const memoryScript = `echo "== meminfo"; cat /proc/meminfo
for p in /proc/[0-9]*; do
	exe=$(readlink $p/exe) || continue
	echo "== ${p#/proc/} $exe $(head -n 1 $p/cgroup)"
	tr '\0' ' ' <$p/cmdline; echo
	cat $p/smaps_rollup
done 2>/dev/null
true`

// Process is one process's memory, in KiB.
type Process struct {
	PID  int    `json:"pid"`
	Name string `json:"name"` // name of its executable
	Pod  bool   `json:"pod,omitempty"`
	RSS  int64  `json:"rss_kib"`
	PSS  int64  `json:"pss_kib"`
	Anon int64  `json:"anon_kib"` // part of PSS that is not backed by files
	Args string `json:"args"`
}

// Memory is one measurement of a machine, in KiB.
type Memory struct {
	Total     int64     `json:"total_kib"`
	Available int64     `json:"available_kib"`
	Processes []Process `json:"processes"`
}

// Used returns the memory that is not available to other programs.
func (m Memory) Used() int64 { return m.Total - m.Available }

// parseMemory parses memoryScript's output.
func parseMemory(out string) (m Memory, err error) {
	for i, section := range strings.Split(out, "== ") {
		if i == 0 {
			continue // before the first heading
		}
		heading, body, _ := strings.Cut(section, "\n")
		if heading == "meminfo" {
			m.Total, m.Available = kib(body, "MemTotal"), kib(body, "MemAvailable")
			continue
		}
		p, ok := parseProcess(heading, body)
		if ok {
			m.Processes = append(m.Processes, p)
		}
	}
	if m.Total == 0 || m.Available == 0 || len(m.Processes) == 0 {
		return m, fmt.Errorf("no memory in %q", head(out, 200))
	}
	slices.SortFunc(m.Processes, func(a, b Process) int { return a.PID - b.PID })
	return m, nil
}

// parseProcess skips a process that ended while it was read.
func parseProcess(heading, body string) (p Process, ok bool) {
	fields := strings.Fields(heading)
	if len(fields) < 2 {
		return p, false
	}
	args, rollup, _ := strings.Cut(body, "\n")
	p.PID, _ = strconv.Atoi(fields[0])
	p.Name, p.Args = path.Base(fields[1]), strings.TrimSpace(args)
	p.Pod = strings.Contains(heading, "/kubepods")
	p.RSS, p.PSS, p.Anon = kib(rollup, "Rss"), kib(rollup, "Pss"), kib(rollup, "Pss_Anon")
	return p, p.RSS > 0
}

// kib finds "NAME:   123 kB".
func kib(text, name string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n
		}
	}
	return 0
}

func head(s string, n int) string { return s[:min(n, len(s))] }

// Group is a row of the table: processes that belong together.
type Group struct {
	Name           string
	Count          int
	RSS, PSS, Anon int64
}

// group adds up the processes for which belongs is true.
func (m Memory) group(name string, belongs func(Process) bool) Group {
	g := Group{Name: name}
	for _, p := range m.Processes {
		if belongs(p) {
			g.Count++
			g.RSS, g.PSS, g.Anon = g.RSS+p.RSS, g.PSS+p.PSS, g.Anon+p.Anon
		}
	}
	return g
}

const shim = "containerd-shim-runc-v2"

// named matches node processes by their executable; processes in pods never match.
func named(names ...string) func(Process) bool {
	return func(p Process) bool { return !p.Pod && slices.Contains(names, p.Name) }
}

func inPods(p Process) bool { return p.Pod && p.Name != shim }

func isShim(p Process) bool { return p.Name == shim }
