package keys

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/proa-os/proa/images/slotsig"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fresh(t *testing.T, a Access) *Ring {
	t.Helper()
	r, err := Init(filepath.Join(t.TempDir(), "keys"), false, a)
	must(t, err)
	return r
}

// accepted says whether the manifest is signed well enough for a set of keys.
func accepted(t *testing.T, by slotsig.Keys, r *Ring) bool {
	t.Helper()
	sig, err := r.SignSlot([]byte("m"))
	must(t, err)
	return by.Verify([]byte("m"), sig) == nil
}

func known(t *testing.T, r *Ring) slotsig.Keys {
	t.Helper()
	k, err := r.SlotKeys()
	must(t, err)
	return k
}

func TestInit(t *testing.T) {
	r := fresh(t, Access{})
	for _, role := range Roles() {
		path := filepath.Join(r.Dir, r.Roles[role].Keys[0].At)
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, st, err)
		}
		if s, err := r.Signers(role); err != nil || len(s) != 1 {
			t.Errorf("%s: %v", role, err)
		}
	}
	again, err := Load(r.Dir, Access{})
	must(t, err)
	if !accepted(t, known(t, again), r) || known(t, r).Development {
		t.Error("the keys that were loaded do not accept what was signed")
	}
	if _, err := Init(r.Dir, false, Access{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over existing keys: %v", err)
	}
	if _, err := Load(t.TempDir(), Access{}); err == nil || !strings.Contains(err.Error(), "proa keys init") {
		t.Error(err)
	}
}

// TestNothingSecretIsPrinted: neither the list nor what is shown has a private key.
func TestNothingSecretIsPrinted(t *testing.T) {
	r := fresh(t, Access{})
	var shown bytes.Buffer
	must(t, r.Show(&shown))
	list, err := os.ReadFile(filepath.Join(r.Dir, ListName))
	must(t, err)
	for _, role := range Roles() {
		file, err := os.ReadFile(filepath.Join(r.Dir, r.Roles[role].Keys[0].At))
		must(t, err)
		private, err := parsePrivate(file, nil)
		must(t, err)
		for _, secret := range [][]byte{private.Seed(), file[60:100]} {
			if bytes.Contains(shown.Bytes(), secret) || bytes.Contains(list, secret) {
				t.Errorf("%s is printed", role)
			}
		}
		if !strings.Contains(shown.String(), string(role)+": 1 of 1 must sign; keep them ") {
			t.Errorf("%s", shown.String())
		}
	}
}

// encrypted is a directory whose key of slots is encrypted, and no other: OpenSSH's derivation of keys is slow.
func encrypted(t *testing.T) *Ring {
	t.Helper()
	r := fresh(t, Access{})
	r.Access.Passphrase = []byte("correct horse")
	_, err := r.Rotate("slot", "", "")
	must(t, err)
	_, err = r.Forget("slot", r.Roles[Slot].Retired[0].Short())
	must(t, err)
	return r
}

// TestOpenSSHReadsThem: the files are OpenSSH's, also encrypted ones.
func TestOpenSSHReadsThem(t *testing.T) {
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("no ssh-keygen")
	}
	r := encrypted(t)
	path := filepath.Join(r.Dir, r.Roles[Slot].Keys[0].At)
	out, err := exec.Command(program, "-y", "-P", "correct horse", "-f", path).CombinedOutput()
	key, _, _, _, parseErr := ssh.ParseAuthorizedKey(out)
	if err = errors.Join(err, parseErr); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if have, err := ed25519Of(key.Marshal()); err != nil || have != r.Roles[Slot].Keys[0].Public {
		t.Errorf("another key: %v", err)
	}
	if exec.Command(program, "-y", "-P", "wrong", "-f", path).Run() == nil {
		t.Error("it is not encrypted")
	}
}

func TestPassphrase(t *testing.T) {
	r := encrypted(t)
	for pass, want := range map[string]string{"correct horse": "", "": "is encrypted\nhint: give --passphrase-file, or load it into an agent: ssh-add ", "wrong": "decryption password incorrect"} {
		var a Access
		if pass != "" {
			a.Passphrase = []byte(pass)
		}
		other, err := Load(r.Dir, a)
		must(t, err)
		if _, err := other.SignSlot(nil); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", pass, err)
		}
	}
}

func TestSplit(t *testing.T) {
	r := fresh(t, Access{})
	one := known(t, r)
	must(t, r.Split("slot", 2, 3))
	if !accepted(t, known(t, r), r) || !accepted(t, one, r) || known(t, r).Threshold != 2 {
		t.Error("2 of 3")
	}
	file := func(i int) string { return filepath.Join(r.Dir, r.Roles[Slot].Keys[i].At) }
	must(t, os.Remove(file(0)))
	if !accepted(t, known(t, r), r) {
		t.Error("two of three are enough")
	}
	must(t, os.Remove(file(1)))
	if _, err := r.SignSlot(nil); err == nil || !strings.Contains(err.Error(), "1 of 3 keys can be used here, and 2 must sign") || !strings.Contains(err.Error(), "is not here") {
		t.Errorf("one of three: %v", err)
	}
	for _, c := range []struct {
		role string
		m, n int
	}{{"slot", 0, 3}, {"slot", 4, 3}, {"slot", 1, 2}, {"slots", 1, 1}, {"root", 1, slotsig.MaxKeys + 1}} {
		if err := r.Split(c.role, c.m, c.n); err == nil {
			t.Errorf("%v", c)
		}
	}
}

// TestRotate: devices that know the old key accept what is signed until it is forgotten, and images accept both until
// then.
func TestRotate(t *testing.T) {
	r := fresh(t, Access{})
	before := known(t, r)
	old := r.Roles[Slot].Keys[0]
	oldSig, err := r.SignSlot([]byte("m"))
	must(t, err)
	made, err := r.Rotate("slot", "", "")
	must(t, err)
	during := known(t, r)
	if len(made) != 1 || !accepted(t, before, r) || !accepted(t, during, r) || during.Verify([]byte("m"), oldSig) != nil {
		t.Error("old and new do not accept each other")
	}
	if _, err := r.Forget("slot", made[0].Short()); err == nil || !strings.Contains(err.Error(), "proa keys rotate "+r.Dir+" slot "+made[0].Short()) {
		t.Errorf("the only key was forgotten: %v", err)
	}
	must(t, os.Rename(filepath.Join(r.Dir, old.At), filepath.Join(r.Dir, "elsewhere")))
	if _, err := r.SignSlot(nil); err == nil || !strings.Contains(err.Error(), "proa keys forget") {
		t.Errorf("devices would refuse it: %v", err)
	}
	if _, err := r.Forget("slot", old.Short()); err != nil {
		t.Error(err)
	}
	after := known(t, r)
	if accepted(t, before, r) || !accepted(t, after, r) || after.Verify([]byte("m"), oldSig) == nil {
		t.Error("the old key is not forgotten")
	}
	again, err := Load(r.Dir, Access{})
	if err != nil || !known(t, again).Equal(after) {
		t.Errorf("it was not saved: %v", err)
	}
}

// TestAgent: OpenSSH's agent signs with a key that no file here has, and with a file that is encrypted.
func TestAgent(t *testing.T) {
	for _, program := range []string{"ssh-agent", "ssh-add", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("no " + program)
		}
	}
	socket := filepath.Join(t.TempDir(), "a")
	c := exec.Command("ssh-agent", "-D", "-a", socket)
	must(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			must(t, conn.Close())
			break
		}
	}
	token := filepath.Join(t.TempDir(), "token")
	must(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", token).Run())
	must(t, exec.Command("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", token+"-rsa").Run())
	add := exec.Command("ssh-add", "-q", token, token+"-rsa")
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	must(t, add.Run())
	r := fresh(t, Access{Agent: socket})
	made, err := r.Rotate("slot", "", "agent:"+fingerprint(t, token+".pub"))
	must(t, err)
	if !accepted(t, known(t, r), r) || made[0].inAgent() == "" {
		t.Error("the agent's signature is not accepted")
	}
	if _, err := r.Rotate("slot", "", "agent:"+fingerprint(t, token+"-rsa.pub")); err == nil || !strings.Contains(err.Error(), "only ed25519") {
		t.Errorf("RSA: %v", err)
	}
	if _, err := r.Rotate("slot", "", "agent:SHA256:x"); err == nil || !strings.Contains(err.Error(), "ssh-add -l") {
		t.Errorf("unknown: %v", err)
	}
	if _, err := r.Rotate("slot", "", "pkcs11:x"); err == nil || !strings.Contains(err.Error(), "agent:SHA256:FINGERPRINT") {
		t.Errorf("no agent: %v", err)
	}
	r.Access = Access{}
	if _, err := r.SignSlot(nil); err == nil || !strings.Contains(err.Error(), "no ssh-agent is running here") {
		t.Errorf("no agent: %v", err)
	}
}

func fingerprint(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	key, _, _, _, err := ssh.ParseAuthorizedKey(b)
	must(t, err)
	return ssh.FingerprintSHA256(key)
}

// TestAgentThatLies: an agent that signs with another key is found out here, and not by devices.
func TestAgentThatLies(t *testing.T) {
	r, other := fresh(t, Access{}), fresh(t, Access{})
	file, err := os.ReadFile(filepath.Join(other.Dir, other.Roles[Slot].Keys[0].At))
	must(t, err)
	private, err := parsePrivate(file, nil)
	must(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	must(t, err)
	key, err := sshKey(r.Roles[Slot].Keys[0].Public)
	must(t, err)
	socket := filepath.Join(t.TempDir(), "a")
	l, err := net.Listen("unix", socket)
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = agent.ServeAgent(liar{agent.NewKeyring().(agent.ExtendedAgent), key, signer}, conn)
		}
	}()
	must(t, os.Remove(filepath.Join(r.Dir, r.Roles[Slot].Keys[0].At)))
	r.Access.Agent = socket
	if _, err := r.SignSlot(nil); err == nil || !strings.Contains(err.Error(), "does not match the key") {
		t.Error(err)
	}
}

type liar struct {
	agent.ExtendedAgent
	says  ssh.PublicKey
	signs ssh.Signer
}

func (l liar) List() ([]*agent.Key, error) {
	return []*agent.Key{{Format: l.says.Type(), Blob: l.says.Marshal()}}, nil
}
func (l liar) SignWithFlags(_ ssh.PublicKey, data []byte, _ agent.SignatureFlags) (*ssh.Signature, error) {
	return l.signs.Sign(nil, data)
}

func TestListsThatAreRefused(t *testing.T) {
	r := fresh(t, Access{})
	path := filepath.Join(r.Dir, ListName)
	good, err := os.ReadFile(path)
	must(t, err)
	slot := r.Roles[Slot].Keys[0]
	for name, text := range map[string]string{
		"format": strings.Replace(string(good), `"format": 1`, `"format": 2`, 1), "unknown field": strings.Replace(string(good), `"format"`, `"x": 1, "format"`, 1),
		"role": strings.Replace(string(good), `"slot": {`, `"slots": {`, 1), "path": strings.Replace(string(good), slot.At, "../"+slot.At, 1),
		"threshold": strings.Replace(string(good), `"threshold": 1`, `"threshold": 2`, 1), "empty": "",
	} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if _, err := Load(r.Dir, Access{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	must(t, os.WriteFile(path, good, 0o600))
	file := filepath.Join(r.Dir, slot.At)
	b, err := os.ReadFile(filepath.Join(r.Dir, r.Roles[Root].Keys[0].At))
	must(t, err)
	must(t, os.WriteFile(file, b, 0o600))
	if _, err := r.SignSlot(nil); err == nil || !strings.Contains(err.Error(), "is not the private half") {
		t.Errorf("another key in the file: %v", err)
	}
}

// TestDevelopment: builds that begin at the same time share one set of keys, which is marked.
func TestDevelopment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config", "keys")
	var all [8]*Ring
	var wait sync.WaitGroup
	for i := range all {
		wait.Go(func() {
			var err error
			if all[i], err = Development(dir, Access{}, func(*Ring) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	for _, r := range all {
		if !known(t, r).Equal(known(t, all[0])) || !r.Development {
			t.Error("another set, or not marked")
		}
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	must(t, err)
	if names := slices.Collect(func(yield func(string) bool) {
		for _, e := range left {
			if !yield(e.Name()) {
				return
			}
		}
	}); !slices.Equal(names, []string{"keys"}) {
		t.Errorf("left over: %q", names)
	}
	var shown bytes.Buffer
	must(t, all[0].Show(&shown))
	if !strings.HasPrefix(shown.String(), "development keys: whoever can read "+dir+" can sign") {
		t.Error(shown.String())
	}
}
