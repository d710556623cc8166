package tryboot

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/proa-os/proa/images/layout"
)

const (
	// ConfigFile makes a partition bootable for the firmware: on a Pi 5 its presence alone does
	// (config_txt/autoboot.adoc, "boot_partition"). Therefore an upgrade removes it first and writes it last.
	ConfigFile = "config.txt"
	// CmdlineFile holds the kernel's command line: one line.
	CmdlineFile = "cmdline.txt"

	// maxLine is the number of bytes that the firmware reads of a line (config_txt/what_is_config_txt.adoc, "File
	// Format").
	maxLine = 98
	// maxCmdline is COMMAND_LINE_SIZE of arm64 less what the firmware appends.
	maxCmdline = 1536
)

// Config is the content of a slot's config.txt.
type Config struct {
	DeviceTree string // device tree file in the slot's partition; "": the firmware chooses by the model it runs on
	// Watchdog is the time in seconds that a kernel on trial has until PID 1 opens the watchdog, which the firmware
	// leaves running (config_txt/boot.adoc, "kernel_watchdog_timeout"). The kernel's watchdog driver has to load within
	// the hardware's 15 s. 0: no limit, and a kernel that hangs before that waits for a power cycle. A good slot has no
	// limit, since it may stay up to report why it cannot boot.
	Watchdog int
	Lines    []string // the board's own settings and filters: "enable_uart=1", "[pi5]"
}

// Text returns config.txt. It does not name the slot, which is given by the partition.
func (c Config) Text() ([]byte, error) {
	lines := []string{"arm_64bit=1", "kernel=" + layout.KernelFile, "initramfs " + layout.InitrdFile + " followkernel", "cmdline=" + CmdlineFile}
	if c.DeviceTree != "" {
		lines = append(lines, "device_tree="+c.DeviceTree)
	}
	if c.Watchdog > 0 {
		lines = append(lines, "[tryboot]", fmt.Sprintf("kernel_watchdog_timeout=%d", c.Watchdog), "[all]")
	}
	lines = append(lines, c.Lines...)
	for _, l := range lines {
		if len(l) > maxLine || strings.ContainsAny(l, "\r\n") {
			return nil, fmt.Errorf("tryboot: config.txt cannot hold the line %q", l)
		}
	}
	return []byte(strings.Join(lines, "\n") + "\n"), nil
}

// ParseConfig reads what Text wrote.
func ParseConfig(text []byte) (c Config, err error) {
	body, ok := strings.CutSuffix(string(text), "\n")
	lines := strings.Split(body, "\n")
	if !ok || len(lines) < 4 || lines[1] != "kernel="+layout.KernelFile {
		return Config{}, errors.New("tryboot: config.txt was not written by proa")
	}
	lines = lines[4:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "device_tree=") {
		c.DeviceTree, lines = strings.TrimPrefix(lines[0], "device_tree="), lines[1:]
	}
	if len(lines) > 2 && lines[0] == "[tryboot]" && lines[2] == "[all]" {
		if c.Watchdog, err = strconv.Atoi(strings.TrimPrefix(lines[1], "kernel_watchdog_timeout=")); err != nil {
			return Config{}, fmt.Errorf("tryboot: config.txt: %w", err)
		}
		lines = lines[3:]
	}
	if len(lines) > 0 {
		c.Lines = lines
	}
	return c, nil
}

// Cmdline returns cmdline.txt. The firmware reads its first line and appends parameters of its own.
func Cmdline(words string) ([]byte, error) {
	if words == "" || strings.ContainsAny(words, "\r\n") || len(words) > maxCmdline {
		return nil, fmt.Errorf("tryboot: invalid command line %q", words)
	}
	return []byte(words + "\n"), nil
}

// ParseCmdline parses cmdline.txt as the firmware does.
func ParseCmdline(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimRight(line, "\r")
}
