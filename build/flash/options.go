package flash

import "flag"

// Options are the flags of both verbs.
type Options struct {
	Kind, Image, Config, SSHKey       string
	WiFi, WiFiPassphrase, WiFiCountry string
	Yes, Force, Show                  bool
}

// Flags are those of flash.
func (o *Options) Flags(f *flag.FlagSet) {
	f.StringVar(&o.Kind, "kind", "", "`disk|sd`: which of the board's images; the board's own kind if left out")
	f.StringVar(&o.Image, "image", "", "image `FILE` to write, which may end in .zst, instead of building one")
	f.BoolVar(&o.Yes, "yes", false, "do not ask")
	o.configFlags(f, "write to a disk that is built in, or a config.yaml with problems")
}

// IntoFlags are those of config-into.
func (o *Options) IntoFlags(f *flag.FlagSet) {
	f.BoolVar(&o.Show, "show", false, "print the config.yaml that is in the image")
	o.configFlags(f, "put in a config.yaml with problems")
}

func (o *Options) configFlags(f *flag.FlagSet, force string) {
	f.StringVar(&o.Config, "config", "", "config.yaml `FILE` for the boot partition")
	f.StringVar(&o.SSHKey, "ssh-key", "", "public key `FILE` that may log in, added to the config.yaml")
	f.StringVar(&o.WiFi, "wifi", "", "`NAME` of a Wi-Fi network, added to the config.yaml; its passphrase is asked for")
	f.StringVar(&o.WiFiPassphrase, "wifi-passphrase-file", "", "`FILE` with the passphrase in one line, - for standard input")
	f.StringVar(&o.WiFiCountry, "wifi-country", "", "country `CC` that the machine will be in, such as DE, which determines the permitted channels")
	f.BoolVar(&o.Force, "force", false, force)
}
