package boards

import (
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Size is bytes; YAML says it with a unit: 288MiB.
type Size int64

// UnmarshalYAML reads a whole number of KiB, MiB or GiB. Bare numbers are refused: nobody knows their unit.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	for unit, factor := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if digits, ok := strings.CutSuffix(n.Value, unit); ok {
			v, err := strconv.ParseInt(digits, 10, 32)
			if err != nil || v < 0 {
				break
			}
			*s = Size(v * factor)
			return nil
		}
	}
	return fmt.Errorf("line %d: %q is no size such as 288MiB", n.Line, n.Value)
}
