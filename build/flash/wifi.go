package flash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/proa-os/proa/boards"
	"github.com/proa-os/proa/build/flash/bootconfig"
	"github.com/proa-os/proa/images/fat"
)

// secret asks for a passphrase without echo.
type secret func(ctx context.Context, question string) (string, error)

// wifi returns the network the user gave; nil: none. The passphrase is never an argument, because all users can see
// those in the process list.
func (o Options) wifi(ctx context.Context, in io.Reader, ask secret) (*bootconfig.WiFi, error) {
	if o.WiFi == "" {
		if o.WiFiPassphrase+o.WiFiCountry != "" {
			return nil, errors.New("--wifi-passphrase-file and --wifi-country go with --wifi NAME")
		}
		return nil, nil
	}
	w := &bootconfig.WiFi{Name: o.WiFi, Country: o.WiFiCountry}
	var err error
	if o.WiFiPassphrase != "" {
		w.Passphrase, err = passphraseIn(o.WiFiPassphrase, in)
	} else {
		w.Passphrase, err = ask(ctx, fmt.Sprintf("Passphrase of %q: ", o.WiFi))
	}
	switch {
	case err != nil:
		return nil, err
	case w.Passphrase == "":
		return nil, fmt.Errorf("no passphrase for %q; a network that is open has to be written into a config.yaml", o.WiFi)
	}
	if err := w.Check(); err != nil {
		return nil, fmt.Errorf("--wifi %q: %w", o.WiFi, err)
	}
	return w, nil
}

// passphraseLimit is more than any passphrase has.
const passphraseLimit = 1 << 10

func passphraseIn(file string, in io.Reader) (string, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close() // opened for reading: a close error loses nothing
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, passphraseLimit))
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}

func askTerminal(ctx context.Context, question string) (string, error) {
	return askAt(ctx, os.Stdin, os.Stderr, question)
}

// askAt asks at a terminal without echo. Ctrl-C restores the terminal.
func askAt(ctx context.Context, in *os.File, out io.Writer, question string) (string, error) {
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", errors.New("there is no terminal to ask for the passphrase at\nhint: --wifi-passphrase-file FILE")
	}
	fmt.Fprint(out, question)
	defer fmt.Fprintln(out)
	type reply struct {
		text []byte
		err  error
	}
	got := make(chan reply, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		got <- reply{text, err}
	}()
	select {
	case r := <-got:
		return string(r.text), r.err
	case <-ctx.Done():
		return "", errors.Join(errUntouched, term.Restore(fd, before))
	}
}

// noRadio refuses a network for a board without Wi-Fi.
func noRadio(b boards.Board) error {
	if b.Radio() {
		return nil
	}
	return fmt.Errorf("board %s has no supported Wi-Fi adapter; leave out --wifi", b.Name)
}

// radioOf is noRadio for the board of an image. An image without a board name is accepted.
func radioOf(img fat.Image, size int64) error {
	b, err := boards.Get(bootconfig.Board(img, size))
	if err != nil {
		return nil
	}
	return noRadio(b)
}
