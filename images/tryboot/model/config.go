package model

import (
	"fmt"
	"strconv"
	"strings"
)

// maxLine: "any characters past this limit will be ignored" (config_txt/what_is_config_txt.adoc, "File Format").
const maxLine = 98

// settings reads the format that config.txt and autoboot.txt share (config_txt/what_is_config_txt.adoc): one property=value on each
// line, # begins a comment line, the last value counts. Filters are those of config_txt/conditional.adoc: [all] resets them, those of
// one type replace each other, and those of different types combine. filter says of which type one is and whether it passes.
func settings(text []byte, filter func(string) (kind string, passes bool)) map[string]string {
	set, active := map[string]string{}, map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line[:min(len(line), maxLine)])
		if strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name = strings.TrimSuffix(name, "]")
			if name == "all" {
				active = map[string]bool{}
				continue
			}
			kind, passes := filter(name)
			active[kind] = passes
			continue
		}
		if !all(active) {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok { // initramfs FILE ADDRESS is the one without (config_txt/boot.adoc, "initramfs")
			key, value, _ = strings.Cut(line, " ")
		}
		set[key] = value
	}
	return set
}

func all(active map[string]bool) bool {
	for _, passes := range active {
		if !passes {
			return false
		}
	}
	return true
}

// config parses config.txt for this board.
func (f Firmware) config(text []byte, number int, flag bool) map[string]string {
	return settings(text, func(name string) (string, bool) {
		switch {
		case name == "none":
			return "none", false
		case name == "tryboot":
			return "tryboot", flag
		case strings.HasPrefix(name, "boot_partition="):
			return "boot_partition", name == fmt.Sprintf("boot_partition=%d", number)
		}
		return "model", name == f.Filter
	})
}

// load loads the files that config.txt names (config_txt/boot.adoc).
func (f Firmware) load(v volume, set map[string]string, s Start) (Start, error) {
	tree := or(set["device_tree"], f.Tree)
	var err error
	if s.Tree, err = v.file(tree); err != nil {
		if set["os_check"] != "0" && f.Marks == "config.txt" { // Pi 5: checked before the partition counts as bootable (issue 682)
			return Start{}, fmt.Errorf("%w: %w", errNotBootable, err)
		}
		return Start{}, err
	}
	if s.Kernel, err = v.file(or(set["kernel"], f.Kernel)); err != nil {
		return Start{}, err
	}
	if name, _, _ := strings.Cut(set["initramfs"], " "); name != "" {
		if s.Initrd, err = v.file(name); err != nil {
			return Start{}, err
		}
	}
	// A missing file leaves the command line empty; the kernel is started nevertheless (log in issue 654).
	line, _ := v.file(or(set["cmdline"], "cmdline.txt"))
	s.Cmdline, _, _ = strings.Cut(string(line), "\n")
	s.Watchdog, _ = strconv.Atoi(set["kernel_watchdog_timeout"])
	return s, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
