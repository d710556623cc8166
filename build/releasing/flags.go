package releasing

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/proa-os/proa/build/progress"
	"github.com/proa-os/proa/images/releasemeta"
)

// Help is the long help text.
const Help = `
It writes what devices need into the directory of --out, which any static file server serves, and signs it: the whole slot in pieces,
patches from the newest earlier releases there (--patches), and the slot file itself. A release that is there keeps its files. Without slot files
it only signs the metadata again, which must happen before it expires. Upload metadata/timestamp.json last.

  proa release --out site out/pc/proa-pc.slot                  make a release, or add one
  proa release --out site --from old.slot out/pc/proa-pc.slot  with a patch from a slot that is not in site
  proa release --out site --bundle v2.tar out/pc/proa-pc.slot  also one file, for a USB stick
  proa release --out site --wave 5@2026-12-01T08:00:00Z --wave 100@2026-12-03T08:00:00Z out/pc/proa-pc.slot
  proa release --out site                                      sign again

On the device: proa upgrade check https://SERVER/site, then proa upgrade apply.`

// Flags are those of the verb.
type Flags struct {
	o     Options
	waves list
	days  int
	// patches as the flag has it: 0 is none
	patches int
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// Register registers the flags.
func (f *Flags) Register(fs *flag.FlagSet) {
	fs.StringVar(&f.o.Out, "out", "", "`DIR` of the release; made if it is missing")
	fs.StringVar(&f.o.Bundle, "bundle", "", "also write what was added to one `FILE.tar`")
	fs.StringVar(&f.o.Version, "version", "", "refuse slot files of another `VERSION`")
	fs.Var((*list)(&f.o.From), "from", "also make patches from the slot file, or the releases in the directory, `EARLIER`; may be repeated")
	fs.StringVar(&f.o.Least, "least", "", "devices must run `VERSION` or a later one")
	fs.Var((*list)(&f.o.Stones), "stone", "devices that run an older one must take `VERSION` first; may be repeated, in order")
	fs.Var(&f.waves, "wave", "percentage of devices that take it by themselves from a time on, `PERCENT@TIME`; may be repeated")
	fs.Int64Var(&f.o.Sequence, "sequence", 0, "`number` that orders releases; by default the time of the slot's commit in seconds, or one more than the highest in DIR")
	fs.IntVar(&f.patches, "patches", DefaultPatches, "make patches from at most the `N` newest older releases, 0: none; others are no longer listed")
	fs.IntVar(&f.days, "days", 0, "`days` after which the release must be signed again (14)")
}

// Options returns what the flags say.
func (f Flags) Options() (Options, error) {
	o := f.o
	if o.Out == "" {
		return o, errors.New("--out DIR is missing")
	}
	if o.Patches = f.patches; o.Patches <= 0 {
		o.Patches = -1
	}
	o.Valid = time.Duration(f.days) * 24 * time.Hour
	for _, text := range f.waves {
		percent, at, ok := strings.Cut(text, "@")
		n, err := strconv.Atoi(percent)
		when, timeErr := time.Parse(time.RFC3339, at)
		if !ok || err != nil || timeErr != nil {
			return o, fmt.Errorf("--wave %q: want PERCENT@TIME, such as 5@2026-12-01T08:00:00Z", text)
		}
		o.Waves = append(o.Waves, releasemeta.Wave{Percent: n, At: when.UTC()})
	}
	return o, nil
}

// String is one line.
func (m Made) String() string {
	note := ""
	if m.Kept {
		note = ", as before"
	}
	return fmt.Sprintf("%s  (%s%s)", m.Path, progress.Bytes(m.Bytes), note)
}

// say tells what can be done next, and warns of keys that protect nothing.
func say(w io.Writer, o Options) {
	if o.Ring.Development {
		fmt.Fprintf(w, "WARNING: signed with throwaway keys (%s): anybody with these files can sign for devices that know them;\n"+
			"         make your own by `proa keys init DIR` and give --keys DIR to build, flash and release\n", o.Ring.Dir)
	}
	fmt.Fprintf(w, "%s can be served or copied now, metadata/timestamp.json last; on a device: proa upgrade apply https://SERVER/…\n", o.Out)
}
