// Package model is a model of Raspberry Pi's firmware for tests: it reads the bytes of a disk and says what would be
// started. It follows the documentation, each rule with its page, and shares no code with what writes the disk.
//
// Pages are those of raspberrypi/documentation below documentation/asciidoc/computers; issues those of
// raspberrypi/rpi-eeprom. Where versions of the bootloader differ, the stricter rule is used.
package model

import (
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Board has what differs between the models that boot from an EEPROM.
type Board struct {
	Filter string // filter of config.txt that applies to it
	Marks  string // file whose presence makes a partition bootable
	Tree   string // default device tree, if config.txt names none
	Kernel string // default kernel
}

// Pi4 and Pi5 (config_txt/autoboot.adoc, "boot_partition"; config_txt/boot.adoc, "kernel"; issue 682 for the tree of os_check).
func Pi4() Board { return Board{"pi4", "start4.elf", "bcm2711-rpi-4-b.dtb", "kernel8.img"} }
func Pi5() Board { return Board{"pi5", "config.txt", "bcm2712-rpi-5-b.dtb", "kernel_2712.img"} }

// Firmware is a machine with a disk. It keeps no state between starts but the flag, which the caller holds: a restart
// may set it; power-on, a watchdog reset and a fatal error do not (raspberry-pi/bootflow-eeprom.adoc, "Fail-safe OS
// updates": it is cleared before the firmware is started, so a crash or reset leads to the normal boot).
type Firmware struct {
	Board
	Disk io.ReaderAt
	Walk bool // PARTITION_WALK of the EEPROM's configuration; the default since the releases of August 2025
}

// Start is what the firmware starts.
type Start struct {
	Partition int    // /proc/device-tree/chosen/bootloader/partition
	Flag      bool   // /proc/device-tree/chosen/bootloader/tryboot
	Kernel    []byte //
	Initrd    []byte //
	Tree      []byte //
	Cmdline   string //
	Watchdog  int    // seconds until the hardware resets a machine that does not feed the watchdog; 0: never
}

// maxWalk is the last partition that is tried if the requested one does not start (raspberry-pi/eeprom-bootloader.adoc,
// "PARTITION_WALK").
const maxWalk = 8

// Boot starts the machine; flag is whether the restart requested a trial boot. An error means that nothing is started
// from this disk. The flag is cleared in any case.
func (f Firmware) Boot(flag bool) (Start, error) {
	parts, err := readGPT(f.Disk)
	if err != nil {
		return Start{}, err
	}
	auto := f.autoboot(parts, flag)
	var errs []error
	for _, n := range f.order(auto.partition) {
		p, ok := parts.number(n)
		if !ok {
			continue
		}
		s, err := f.try(p, flag, auto.ab)
		if err == nil {
			return s, nil
		}
		errs = append(errs, fmt.Errorf("partition %d: %w", n, err))
		if !errors.Is(err, errNotBootable) {
			break // the partition was bootable, so the walk is over: the error pattern, then a reset ("REBOOT_ON_FATAL_ERROR")
		}
	}
	return Start{}, errors.Join(append(errs, errors.New("nothing to start"))...)
}

// order returns the partitions in the order they are tried: the requested one, and with PARTITION_WALK those after it
// and then those before it; autoboot.txt is not read again.
func (f Firmware) order(asked int) (list []int) {
	if !f.Walk {
		return []int{asked}
	}
	for i := range maxWalk + 1 {
		list = append(list, (asked+i)%(maxWalk+1))
	}
	return list
}

// autoboot is the parsed autoboot.txt of the first FAT partition (config_txt/autoboot.adoc). A partition that is not
// given is 0: "the default partition which is the first bootable FAT partition".
type autoboot struct {
	partition int
	ab        bool
}

func (f Firmware) autoboot(parts partitions, flag bool) (a autoboot) {
	first, ok := parts.number(0)
	if !ok {
		return a
	}
	v, err := openVolume(f.Disk, first.start)
	if err != nil {
		return a
	}
	text, err := v.file("autoboot.txt")
	if err != nil || len(text) > 512 { // "limited to 512 bytes"
		return a
	}
	// "supports the [all], [none] and [tryboot] conditional filters"
	set := settings(text, func(filter string) (string, bool) {
		switch filter {
		case "none":
			return "none", false
		case "tryboot":
			return "tryboot", flag
		}
		return "", false
	})
	a.partition, _ = strconv.Atoi(set["boot_partition"])
	return autoboot{a.partition, set["tryboot_a_b"] == "1"}
}

// errNotBootable is returned for a partition that the firmware skips.
var errNotBootable = errors.New("not bootable")

// try starts partition p or returns why it cannot.
func (f Firmware) try(p partition, flag, ab bool) (Start, error) {
	v, err := openVolume(f.Disk, p.start)
	if err != nil {
		return Start{}, fmt.Errorf("%w: %w", errNotBootable, err)
	}
	if _, err := v.file(f.Marks); err != nil {
		return Start{}, fmt.Errorf("%w: %w", errNotBootable, err)
	}
	name := "config.txt"
	if flag && !ab { // raspberry-pi/bootflow-eeprom.adoc, "tryboot_a_b mode"
		name = "tryboot.txt"
	}
	text, err := v.file(name)
	if err != nil {
		return Start{}, fmt.Errorf("%w: %w", errNotBootable, err)
	}
	return f.load(v, f.config(text, p.number, flag), Start{Partition: p.number, Flag: flag})
}
