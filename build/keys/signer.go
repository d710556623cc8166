package keys

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/proa-os/proa/images/slotsig"
)

// Access is how private keys are reached.
type Access struct {
	Passphrase []byte // of encrypted key files; nil: none is known
	Agent      string // socket of an ssh-agent (SSH_AUTH_SOCK); "": none
}

const agentPrefix = "agent:"

// inAgent returns the fingerprint of a key that only an agent has, "" for one in a file.
func (k Key) inAgent() string {
	print, _ := strings.CutPrefix(k.At, agentPrefix)
	if print == k.At {
		return ""
	}
	return print
}

// Signer returns what signs with a key. A key file that is encrypted or kept elsewhere is looked for in the agent.
func (r *Ring) Signer(k Key) (crypto.Signer, error) {
	var why error
	if k.inAgent() == "" {
		s, err := r.fromFile(k)
		if err == nil {
			return s, nil
		}
		why = err
	}
	s, err := r.Access.signer(k)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", k.Short(), errors.Join(why, err))
	}
	return s, nil
}

func (r *Ring) fromFile(k Key) (crypto.Signer, error) {
	path := filepath.Join(r.Dir, k.At)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is not here", path)
	}
	if err != nil {
		return nil, err
	}
	private, err := parsePrivate(b, r.Access.Passphrase)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		return nil, fmt.Errorf("%s is encrypted\nhint: give --passphrase-file, or load it into an agent: ssh-add %[1]s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err) // the error does not quote the file
	}
	if have, err := slotsig.KeyOf(private.Public()); err != nil || have != k.Public {
		return nil, errors.Join(fmt.Errorf("%s is not the private half of this key", path), err)
	}
	return private, nil
}

func parsePrivate(b, passphrase []byte) (ed25519.PrivateKey, error) {
	raw, err := ssh.ParseRawPrivateKey(b)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) && passphrase != nil {
		raw, err = ssh.ParseRawPrivateKeyWithPassphrase(b, passphrase)
	}
	if err != nil {
		return nil, err
	}
	private, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("a key of type %T: only ed25519 keys are used", raw)
	}
	return *private, nil
}

// signer returns what asks the agent to sign, if the agent has the key.
func (a Access) signer(k Key) (crypto.Signer, error) {
	key, err := sshKey(k.Public)
	if err != nil {
		return nil, err
	}
	s := agentSigner{a, k.Public, key}
	return s, s.ask(func(c agent.Agent) error {
		list, err := c.List()
		for _, have := range list {
			if string(have.Blob) == string(key.Marshal()) {
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("no agent has it: its fingerprint is %s", ssh.FingerprintSHA256(key)))
	})
}

func sshKey(k slotsig.Key) (ssh.PublicKey, error) { return ssh.NewPublicKey(ed25519.PublicKey(k[:])) }

// agentSigner asks an ssh-agent for each signature.
type agentSigner struct {
	access Access
	public slotsig.Key
	key    ssh.PublicKey
}

func (s agentSigner) Public() crypto.PublicKey { return ed25519.PublicKey(s.public[:]) }

func (s agentSigner) Sign(_ io.Reader, message []byte, _ crypto.SignerOpts) (raw []byte, err error) {
	err = s.ask(func(c agent.Agent) error {
		sig, err := c.Sign(s.key, message)
		if err != nil {
			return fmt.Errorf("ssh-agent: %w", err)
		}
		if sig.Format != ssh.KeyAlgoED25519 {
			return fmt.Errorf("ssh-agent: a signature of type %s, want %s", sig.Format, ssh.KeyAlgoED25519)
		}
		raw = sig.Blob
		return nil
	})
	return raw, err
}

func (s agentSigner) ask(do func(agent.Agent) error) error { return s.access.agent(do) }

func (a Access) agent(do func(agent.Agent) error) error {
	if a.Agent == "" {
		return errors.New("no ssh-agent is running here (SSH_AUTH_SOCK is not set)")
	}
	conn, err := net.Dial("unix", a.Agent)
	if err != nil {
		return fmt.Errorf("ssh-agent: %w", err)
	}
	defer conn.Close() // nothing is buffered
	return do(agent.NewClient(conn))
}

// inAgentBy returns the key that the agent has under agent:SHA256:FINGERPRINT.
func (a Access) inAgentBy(at string) (k Key, err error) {
	k.At = at
	err = a.agent(func(c agent.Agent) error {
		list, err := c.List()
		for _, have := range list {
			if ssh.FingerprintSHA256(have) != k.inAgent() {
				continue
			}
			k.Public, err = ed25519Of(have.Blob)
			return err
		}
		return errors.Join(err, fmt.Errorf("the agent has no key %s\nhint: `ssh-add -l` lists its keys", k.inAgent()))
	})
	return k, err
}

func ed25519Of(blob []byte) (slotsig.Key, error) {
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return slotsig.Key{}, err
	}
	c, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return slotsig.Key{}, fmt.Errorf("a key of type %s: only ed25519 keys are used", key.Type())
	}
	return slotsig.KeyOf(c.CryptoPublicKey())
}
