package verb

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/proa-os/proa/build/keys"
	"github.com/proa-os/proa/build/recipe"
	"github.com/proa-os/proa/build/tufrepo"
	"github.com/proa-os/proa/images/releasemeta"
	"github.com/proa-os/proa/images/slotsig"
)

// Help is the long help text.
const Help = `
A directory of keys has roles.json, which is public, and a private key file for each key (0600, OpenSSH's format, ed25519). The key
files are for you to keep: the help of each role says where. A file may lie elsewhere or be encrypted: then it is loaded into an
ssh-agent when it has to sign. Tokens (PKCS#11) sign through an agent too; FIDO keys cannot.

  init DIR                        make a directory with one key for each role: root, targets, slot, snapshot, timestamp
  show DIR                        the keys, where they are, and how to keep them
  split DIR ROLE M N              M of N keys must sign; the missing ones are made
  rotate DIR ROLE [KEY [agent:F]] replace one key, or all of a role, by new ones or by the agent's key with fingerprint F
  forget DIR ROLE KEY             drop a replaced key: images made from now on do not know it any more

  proa keys init ~/release-keys --passphrase-file ~/passphrase
  proa keys split ~/release-keys root 2 3
  proa keys rotate ~/release-keys slot 1a2b3c4d agent:SHA256:fjf5…
  proa build pc --keys ~/release-keys

Without --keys a build makes throwaway keys once, in proa/keys-development of your directory of configuration. Images signed by them
say so on their console and in their status.`

// Env names the directory of keys, if --keys does not.
const Env = "PROA_KEYS"

// ErrUsage is wrapped by errors of the command line.
var ErrUsage = errors.New("see `proa help keys`")

func usage(format string, args ...any) error {
	return fmt.Errorf("%w; %w", fmt.Errorf(format, args...), ErrUsage)
}

// Options say which keys are used, and how.
type Options struct {
	dir, passphrase string
	unsigned        bool
}

// Flags registers the flags of the verb keys.
func (o *Options) Flags(f *flag.FlagSet) {
	f.StringVar(&o.passphrase, "passphrase-file", "", "`file` with the passphrase that encrypts key files, in its first line")
}

// SignFlags registers the flags of verbs that make images.
func (o *Options) SignFlags(f *flag.FlagSet) {
	o.ReleaseFlags(f)
	f.BoolVar(&o.unsigned, "unsigned", false, "make images that run any slot, signed or not")
}

// ReleaseFlags registers the flags of verbs that sign releases.
func (o *Options) ReleaseFlags(f *flag.FlagSet) {
	o.Flags(f)
	f.StringVar(&o.dir, "keys", "", "sign with the keys in `DIR` (proa keys); by default "+Env+", or throwaway keys")
}

// ForRelease returns the keys that sign a release.
func (o Options) ForRelease() (*keys.Ring, error) { return o.ring() }

// access returns how private keys are reached from here.
func (o Options) access() (a keys.Access, err error) {
	a.Agent = os.Getenv("SSH_AUTH_SOCK")
	if o.passphrase == "" {
		return a, nil
	}
	b, err := os.ReadFile(o.passphrase)
	if err != nil {
		return a, fmt.Errorf("passphrase: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return a, fmt.Errorf("passphrase: the first line of %s is empty", o.passphrase)
	}
	a.Passphrase = []byte(line)
	return a, nil
}

// ring returns the keys that sign images; nil: images are unsigned.
func (o Options) ring() (*keys.Ring, error) {
	a, err := o.access()
	switch {
	case err != nil:
		return nil, err
	case o.unsigned && o.dir != "":
		return nil, usage("--unsigned and --keys exclude each other")
	case o.unsigned:
		return nil, nil
	}
	dir, throwaway, err := o.directory()
	if err != nil {
		return nil, err
	}
	if throwaway {
		return keys.Development(dir, a, firstRoot)
	}
	return keys.Load(dir, a)
}

// directory returns the directory of keys, and whether it is that of throwaway keys, which may not exist yet.
func (o Options) directory() (dir string, throwaway bool, err error) {
	if o.dir != "" {
		return o.dir, false, nil
	}
	if dir := os.Getenv(Env); dir != "" {
		return dir, false, nil
	}
	if dir, err = keys.DevelopmentDir(); err != nil {
		err = fmt.Errorf("keys for development: %w\nhint: --keys DIR names a directory made by `proa keys init`", err)
	}
	return dir, true, err
}

// Environ returns the environment variable by which other programs find the same keys.
func (o Options) Environ() []string {
	dir, _, err := o.directory()
	if err != nil {
		return nil // reported by whoever loads the keys
	}
	return []string{Env + "=" + dir}
}

// ForImages returns the keys as recipes take them. The zero Trust is that of --unsigned.
func (o Options) ForImages() (recipe.Trust, error) {
	r, err := o.ring()
	if err != nil || r == nil {
		return recipe.Trust{}, err
	}
	public, err := r.SlotKeys()
	if err != nil {
		return recipe.Trust{}, err
	}
	text, err := public.Encode()
	if err != nil {
		return recipe.Trust{}, err
	}
	roots, err := tufrepo.Roots(r.Dir)
	t := recipe.Trust{Name: name(public), Sign: r.SignSlot, Early: map[string][]byte{slotsig.EarlyPath: text}, Root: map[string][]byte{slotsig.RootPath: text}}
	if len(roots) > 0 {
		newest := roots[len(roots)-1]
		t.Root[releasemeta.RootPath], t.Release = newest, fmt.Sprintf("%x", sha256.Sum256(newest))
	}
	return t, err
}

// firstRoot makes TUF's first root, which images must have before there is a release.
func firstRoot(r *keys.Ring) error {
	_, err := tufrepo.KeepRoot(r, tufrepo.DefaultPeriods(), time.Now())
	return err
}

// name names a set of keys by their ids.
func name(k slotsig.Keys) string {
	var ids []string
	for _, key := range k.Keys {
		ids = append(ids, key.ID())
	}
	text := fmt.Sprintf("%d of %s", k.Threshold, strings.Join(ids, " "))
	if k.Development {
		text += ", for development"
	}
	return text
}
