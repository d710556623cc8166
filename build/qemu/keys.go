package qemu

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// keyNames are QEMU's names of keys with a US layout (QKeyCode in QEMU's QMP reference); of letters and digits they are the
// characters themselves.
var keyNames = map[rune]string{' ': "spc", '-': "minus", '.': "dot", '/': "slash", ',': "comma", '=': "equal", ';': "semicolon",
	':': "shift semicolon", '_': "shift minus", '+': "shift equal", '@': "shift 2", '\n': "ret", '\x03': "ctrl c"}

// Type presses the keys of a text on the machine's keyboard; \n is Enter and \x03 is Ctrl-C. A character without a key is an
// error.
func (vm *VM) Type(ctx context.Context, text string) error {
	for _, r := range text {
		var keys []map[string]string
		for _, name := range strings.Fields(keysOf(r)) {
			keys = append(keys, map[string]string{"type": "qcode", "data": name})
		}
		if keys == nil {
			return fmt.Errorf("no key for %q", r)
		}
		if err := qmpWith(ctx, vm.spec.qmpSocket(), "send-key", map[string]any{"keys": keys, "hold-time": 20}); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond) // the queue of a PS/2 keyboard holds 16 bytes
	}
	return nil
}

func keysOf(r rune) string {
	switch {
	case r < unicode.MaxASCII && unicode.IsUpper(r):
		return "shift " + string(unicode.ToLower(r))
	case r < unicode.MaxASCII && (unicode.IsLower(r) || unicode.IsDigit(r)):
		return string(r)
	}
	return keyNames[r]
}
