package keys

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DevelopmentDir returns where a user's throwaway keys are: in the user's directory of configuration.
func DevelopmentDir() (string, error) {
	dir, err := os.UserConfigDir()
	return filepath.Join(dir, "proa", "keys-development"), err
}

// Development loads the throwaway keys in a directory, and makes them if there are none; finish adds what belongs to
// them. Two builds that make them at the same time agree on one set.
func Development(dir string, a Access, finish func(*Ring) error) (*Ring, error) {
	if _, err := os.Stat(filepath.Join(dir, ListName)); !errors.Is(err, os.ErrNotExist) {
		return Load(dir, a)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".keys-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp) // renamed unless another build was faster
	made, err := Init(tmp, true, Access{})
	if err != nil {
		return nil, err
	}
	if err := finish(made); err != nil {
		return nil, err
	}
	if err := os.Rename(tmp, dir); err != nil {
		if r, loadErr := Load(dir, a); loadErr == nil {
			return r, nil
		}
		return nil, fmt.Errorf("keys for development: %w", err)
	}
	return Load(dir, a)
}
