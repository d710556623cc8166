package bootconfig

import (
	"os"

	"github.com/proa-os/proa/images/bootfs"
)

// ForRun is the config.yaml of a machine that is only run: the user's file or, without one, a minimal text, with the keys that may log in; keyFile
// is a further one's. A file that keys cannot be added to goes in as it is: what the machine makes of it is the question.
func ForRun(file, keyFile string, keys ...string) ([]byte, error) {
	if keyFile != "" {
		key, err := PublicKey(keyFile)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	text := Check(bootfs.ConfigFile, []byte("version: 1\nhostname: proa\n"))
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
