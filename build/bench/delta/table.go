package main

import (
	"fmt"
	"strings"
)

// table is what docs/figures.md has.
func table(rows []Row) string {
	var b strings.Builder
	b.WriteString("| pair | full, MB | 4 KiB blocks, MB | zstd, slot, MB | zstd, files, MB | without patch, MB | **patch, MB** | of full | × zstd, files | made, CPU s |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | **%s** | %.2f %% | %s | %.0f |\n", r.title(), mb(r.Full), mb(r.Blocks), mb(r.Zstd), mb(r.ZstdFiles), mb(r.Without), mb(r.Patch),
			100*float64(r.Patch)/float64(r.Full), ratio(r.Patch, r.ZstdFiles), r.Made)
	}
	b.WriteString("\n| device | s | CPU s | of it proa-fetch | memory over idle, MiB | bundle | on ARM | proa-fetch in all, MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range rows {
		d := r.Device
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.1f | %.1f | %.1f | %s | %s |\n", r.name, d.Seconds, d.CPU+d.FetchCPU, d.FetchCPU, mib(d.Over()), mib(r.Bundle.Over()), arm(r), known(d.FetchRSS))
	}
	return b.String()
}

func (r Row) title() string {
	if r.what == "" {
		return r.name
	}
	return r.name + ": " + r.what
}

func mb(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(n)/1e6)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func known(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", mib(n))
}

func arm(r Row) string {
	if r.ARM.Peak == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", mib(r.ARM.Over()))
}

func ratio(a, b int64) string {
	if b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}
