package bootconfig

import (
	"os"

	"github.com/proa-os/proa/images/layout"
)

// ForRun returns the config.yaml for `proa run`: the user's file, or a minimal one, with the authorized keys added;
// keyFile is a further key. A file that keys cannot be added to is used unchanged: the machine shows its problems.
func ForRun(file, keyFile string, keys ...string) ([]byte, error) {
	if keyFile != "" {
		key, err := PublicKey(keyFile)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	text := Check(layout.ConfigFile, []byte("version: 1\nhostname: proa\n"))
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		text = Check(file, b)
	}
	for _, k := range keys {
		if with, err := text.WithKey(k); err == nil {
			text = with
		}
	}
	return text.Bytes, nil
}
