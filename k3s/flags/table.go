package flags

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// Table returns every flag on a line: name, type, default, name of its value, help, separated by tabs. The
// configuration, which may not import the runtime, reads the flags from it.
func Table() string {
	var b strings.Builder
	new(Config).set().VisitAll(func(f *pflag.Flag) {
		arg, help := pflag.UnquoteUsage(f)
		if !strings.Contains(f.Usage, "`") {
			arg = "" // the type, which has its own column
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\n", f.Name, f.Value.Type(), strings.Trim(f.DefValue, "[]"), arg, help)
	})
	return b.String()
}
