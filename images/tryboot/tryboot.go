// Package tryboot is what Raspberry Pi's firmware reads where it starts the kernel itself: autoboot.txt, which names the partition
// to start, and config.txt and cmdline.txt of a slot's own partition. It makes these texts out of values and reads them back; it
// does no input or output, and it does not know which slot is good (images/bootstate).
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
	// AutobootFile lies in the first FAT partition, which both slots share.
	AutobootFile = "autoboot.txt"
	// MaxAutoboot is what the firmware reads of it (config_txt/autoboot.adoc, "autoboot.txt"). It is one sector as well, so that
	// a new text in the old one's place is one write.
	MaxAutoboot = 512
	// MaxPartition is the highest number that the firmware tries by itself when the one it was told does not start
	// (raspberry-pi/eeprom-bootloader.adoc, "PARTITION_WALK"). All up to it have one digit.
	MaxPartition = 8
	// Restart is the argument of a restart that tries the other slot once: 0 is "the default partition", which is what
	// autoboot.txt is about (raspberry-pi/bootflow-eeprom.adoc, "Fail-safe OS updates").
	Restart = "0 tryboot"
)

// Choice is what autoboot.txt says: the partition started by default, and the one started once when a trial was asked for.
type Choice struct{ Default, Try int }

// Text is autoboot.txt. Two texts differ in two digits and nothing else, and either digit is one of the two slots' partitions: so
// whatever a torn write leaves names a slot by default.
func (c Choice) Text() ([]byte, error) {
	for _, n := range []int{c.Default, c.Try} {
		if n < 1 || n > MaxPartition {
			return nil, fmt.Errorf("tryboot: autoboot.txt cannot name partition %d", n)
		}
	}
	// tryboot_a_b: the trial is a matter of partitions, so config.txt is read and not tryboot.txt (config_txt/autoboot.adoc).
	return fmt.Appendf(nil, "[all]\ntryboot_a_b=1\nboot_partition=%d\n[tryboot]\nboot_partition=%d\n", c.Default, c.Try), nil
}

// Parse reads an autoboot.txt as the firmware does; what it does not name is 0. A text the firmware would not take is an error.
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
