package confirm

import (
	"errors"
	"time"

	"github.com/proa-os/proa/init/bootfile"
)

// Start begins a boot: it returns the trial whose text this boot uses, nil if there is none. It is used only once the
// boot was counted, so that the next boot uses the old configuration if this one comes to nothing. why is set if a trial
// ends here; err, if its files cannot be read or written.
func Start(dir string, writable func() (bootfile.Place, error), now time.Time) (use *Trial, why string, err error) {
	t, err := Load(dir)
	if t == nil {
		return nil, "", err
	}
	place, err := writable()
	if err != nil {
		return nil, uncounted, err
	}
	counted, why := AtBoot(*t, now)
	if why != "" {
		return nil, why, PutBack(place, *t, why)
	}
	if err := Save(place, counted); err != nil {
		return nil, uncounted, err
	}
	return &counted, "", nil
}

const uncounted = "this boot could not be counted"

// ErrNone is returned if there is no trial to end.
var ErrNone = errors.New("no change waits for confirmation")

// End runs do, which is Accept or PutBack, for the trial that is in dir.
func End(dir string, writable func() (bootfile.Place, error), do func(bootfile.Place, Trial) error) error {
	t, err := Load(dir)
	if t == nil && err == nil {
		err = ErrNone
	}
	if err != nil {
		return err
	}
	place, err := writable()
	if err != nil {
		return err
	}
	return do(place, *t)
}
