package flags

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Table is every flag in a line: name, type, default, what its value is called, help, separated by tabs. It is how the configuration
// knows the runtime's flags, of which it may import nothing.
func Table() string {
	var b strings.Builder
	new(Config).set().VisitAll(func(f *pflag.Flag) {
		arg, help := pflag.UnquoteUsage(f)
		if !strings.Contains(f.Usage, "`") {
			arg = "" // a word for the type, which stands beside it
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\n", f.Name, f.Value.Type(), strings.Trim(f.DefValue, "[]"), arg, help)
	})
	return b.String()
}
