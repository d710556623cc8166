package modules

import (
	"fmt"
	"io"
	"strings"
)

// Modprobe is the command modprobe, which the kernel calls as `modprobe -q -- NAME`. It loads each module in args, ignores
// options, writes errors to complain and returns the exit code: 0 or 1.
func Modprobe(open func() (*Index, error), args []string, complain io.Writer) (code int) {
	index, err := open()
	if err != nil {
		fmt.Fprintln(complain, "modprobe:", err)
		return 1
	}
	for _, a := range args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		if err := index.Load(a, ""); err != nil {
			fmt.Fprintln(complain, "modprobe:", err)
			code = 1
		}
	}
	return code
}
