// Package tryboot writes and parses the files that Raspberry Pi's firmware reads where it starts the kernel itself:
// autoboot.txt, which names the partition to start, and config.txt and cmdline.txt in a slot's own partition. It does
// no I/O, and does not know which slot is good (images/bootstate).
//
// The pages named here are those of raspberrypi/documentation, below documentation/asciidoc/computers.
package tryboot

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// AutobootFile is in the first FAT partition, which both slots share.
	AutobootFile = "autoboot.txt"
	// MaxAutoboot is the number of bytes that the firmware reads of it (config_txt/autoboot.adoc, "autoboot.txt"). That
	// is one sector, so overwriting the text in place is one write.
	MaxAutoboot = 512
	// MaxPartition is the highest partition number that the firmware tries by itself if the configured one does not
	// start (raspberry-pi/eeprom-bootloader.adoc, "PARTITION_WALK"). All up to it have one digit.
	MaxPartition = 8
	// Restart is the argument of the reboot system call that boots the other slot once: 0 is "the default partition",
	// which autoboot.txt redirects (raspberry-pi/bootflow-eeprom.adoc, "Fail-safe OS updates").
	Restart = "0 tryboot"
)

// Choice is the content of autoboot.txt: the partition that is booted by default, and the one that a trial boot uses
// once.
type Choice struct{ Default, Try int }

// Text returns autoboot.txt. Two texts differ in two digits only, and each digit is the partition of one of the slots:
// so a torn write still names a slot by default.
func (c Choice) Text() ([]byte, error) {
	for _, n := range []int{c.Default, c.Try} {
		if n < 1 || n > MaxPartition {
			return nil, fmt.Errorf("tryboot: autoboot.txt cannot name partition %d", n)
		}
	}
	// tryboot_a_b: a trial boot selects a partition; config.txt is read there, and not tryboot.txt
	// (config_txt/autoboot.adoc).
	return fmt.Appendf(nil, "[all]\ntryboot_a_b=1\nboot_partition=%d\n[tryboot]\nboot_partition=%d\n", c.Default, c.Try), nil
}

// Parse parses autoboot.txt as the firmware does; a partition that is not given is 0. A text that the firmware would
// refuse is an error.
func Parse(text []byte) (c Choice, err error) {
	if len(text) > MaxAutoboot {
		return Choice{}, fmt.Errorf("tryboot: autoboot.txt of %d bytes", len(text))
	}
	section := "all"
	for _, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		value, ok := strings.CutPrefix(line, "boot_partition=")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return Choice{}, fmt.Errorf("tryboot: autoboot.txt: %w", err)
		}
		switch section {
		case "all":
			c = Choice{n, n}
		case "tryboot":
			c.Try = n
		}
	}
	if c.Default == 0 {
		return Choice{}, errors.New("tryboot: autoboot.txt names no partition")
	}
	return c, nil
}
